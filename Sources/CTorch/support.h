// What every file of this target shares: handles to tensors and back, and exceptions to statuses.
#pragma once

#include "CTorch.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/SmallVector.h>

#include <utility>

namespace soup {

using Sizes = c10::SmallVector<int64_t, 8>;

/// The tensor behind a handle; undefined for null.
inline at::Tensor tensor(ct_tensor handle) {
  if (handle == nullptr) return {};
  return at::Tensor(
      c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(reinterpret_cast<c10::TensorImpl *>(handle)));
}

/// The implementation behind a handle, without touching its reference count.
inline c10::TensorImpl *implementation(ct_tensor handle) { return reinterpret_cast<c10::TensorImpl *>(handle); }

/// Gives up a reference to the caller; null for an undefined tensor.
inline ct_tensor handle(at::Tensor tensor) {
  if (!tensor.defined()) return nullptr;
  return reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline std::optional<at::Tensor> optional(ct_tensor handle) {
  if (handle == nullptr) return std::nullopt;
  return tensor(handle);
}

inline Sizes sizes(ct_sizes list) { return Sizes(list.values, list.values + list.count); }

/// Whether our own kernels take this tensor: on the CPU, float32 or bfloat16.
inline bool plain(const at::Tensor &x) {
  return x.is_cpu() && x.layout() == at::kStrided && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

/// Whether this operation has to remember something for a backward pass.
inline bool recorded(const at::Tensor &x) { return at::GradMode::is_enabled() && x.requires_grad(); }

/// As autograd functions take an argument that may be absent.
inline std::optional<at::Tensor> optional(const at::Tensor &x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

std::vector<at::Tensor> list(ct_tensors tensors);

at::ScalarType scalar_type(ct_dtype dtype);
ct_dtype dtype_code(at::ScalarType type);
at::Device device(ct_device device);

/// Describes the exception in flight. Must be called inside a catch block.
ct_status report(ct_error *error) noexcept;

template <class Body>
ct_status guarded(ct_error *error, Body &&body) noexcept {
  try {
    body();
    return CT_OK;
  } catch (...) {
    return report(error);
  }
}

template <class Body>
ct_status produce(ct_tensor *out, ct_error *error, Body &&body) noexcept {
  return guarded(error, [&] { *out = handle(body()); });
}

}  // namespace soup
