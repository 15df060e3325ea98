#include "support.h"

#include <ATen/core/grad_mode.h>

#include <cstring>

using namespace soup;

static const at::Generator &generator(ct_generator handle) { return *reinterpret_cast<at::Generator *>(handle); }

static at::TensorOptions options(ct_dtype dtype, ct_device on) {
  return at::TensorOptions().dtype(scalar_type(dtype)).device(device(on));
}

/// A view of memory that outlives it; the callers copy from it before they return.
static at::Tensor borrowed(const void *bytes, ct_dtype dtype, ct_sizes shape) {
  return at::from_blob(const_cast<void *>(bytes), sizes(shape), at::TensorOptions().dtype(scalar_type(dtype)));
}

void ct_tensor_free(ct_tensor handle) {
  if (handle != nullptr)
    c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(implementation(handle));
}

ct_status ct_from_bytes(const void *bytes, ct_dtype dtype, ct_sizes shape, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto result = at::empty(sizes(shape), options(dtype, on));
    if (result.numel() == 0) return result;
    if (result.is_cpu()) {
      std::memcpy(result.mutable_data_ptr(), bytes, result.nbytes());
    } else {
      result.copy_(borrowed(bytes, dtype, shape));
    }
    return result;
  });
}

ct_status ct_copy_bytes(ct_tensor into, const void *bytes, ct_dtype dtype, ct_sizes shape, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    auto target = tensor(into);
    TORCH_CHECK(
        target.sizes() == at::IntArrayRef(sizes(shape)), "cannot copy values of shape ", at::IntArrayRef(sizes(shape)),
        " into a tensor of shape ", target.sizes());
    if (target.numel() > 0) target.copy_(borrowed(bytes, dtype, shape));
  });
}

ct_status ct_read_bytes(ct_tensor handle, void *bytes, size_t count, ct_error *error) {
  return guarded(error, [&] {
    auto source = tensor(handle).detach();
    TORCH_CHECK(source.nbytes() == count, "a tensor of ", source.nbytes(), " bytes does not fill a buffer of ", count);
    if (count == 0) return;
    source = source.to(at::kCPU).contiguous();
    std::memcpy(bytes, source.const_data_ptr(), count);
  });
}

ct_status ct_full(ct_sizes shape, double value, ct_dtype dtype, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::full(sizes(shape), value, options(dtype, on)); });
}

ct_status ct_normal(ct_sizes shape, double mean, double deviation, ct_generator source, ct_dtype dtype, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return at::empty(sizes(shape), options(dtype, on)).normal_(mean, deviation, generator(source));
  });
}

ct_status ct_uniform(ct_sizes shape, double low, double high, ct_generator source, ct_dtype dtype, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return at::empty(sizes(shape), options(dtype, on)).uniform_(low, high, generator(source));
  });
}

ct_status ct_bernoulli(ct_sizes shape, double probability, ct_generator source, ct_dtype dtype, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return at::empty(sizes(shape), options(dtype, on)).bernoulli_(probability, generator(source));
  });
}

size_t ct_rank(ct_tensor handle) { return static_cast<size_t>(implementation(handle)->dim()); }

void ct_shape(ct_tensor handle, ptrdiff_t *result) {
  auto shape = implementation(handle)->sizes();
  std::copy(shape.begin(), shape.end(), result);
}

size_t ct_count(ct_tensor handle) { return static_cast<size_t>(implementation(handle)->numel()); }

ct_dtype ct_tensor_dtype(ct_tensor handle) {
  return dtype_code(c10::typeMetaToScalarType(implementation(handle)->dtype()));
}

ct_device ct_tensor_device(ct_tensor handle) {
  auto device = implementation(handle)->device();
  return {static_cast<int8_t>(device.type()), device.index()};
}

bool ct_is_channels_last(ct_tensor handle) {
  return implementation(handle)->is_contiguous(at::MemoryFormat::ChannelsLast);
}

ct_status ct_item(ct_tensor handle, double *out, ct_error *error) {
  return guarded(error, [&] { *out = tensor(handle).detach().item().toDouble(); });
}

bool ct_requires_grad(ct_tensor handle) { return tensor(handle).requires_grad(); }

ct_status ct_set_requires_grad(ct_tensor handle, bool value, ct_error *error) {
  return guarded(error, [&] { tensor(handle).requires_grad_(value); });
}

ct_status ct_grad(ct_tensor handle, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).grad(); });
}

void ct_clear_grad(ct_tensor handle) { tensor(handle).mutable_grad() = at::Tensor(); }

ct_status ct_backward(ct_tensor loss, ct_error *error) {
  return guarded(error, [&] { tensor(loss).backward(); });
}

ct_status ct_detach(ct_tensor handle, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).detach(); });
}

ct_status ct_set_data(ct_tensor handle, ct_tensor data, ct_error *error) {
  return guarded(error, [&] { tensor(handle).set_data(tensor(data)); });
}

ct_status ct_clone(ct_tensor handle, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).clone(); });
}

ct_status ct_contiguous(ct_tensor handle, bool channels_last, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    if (!channels_last) return tensor(handle).contiguous();
    auto x = tensor(handle).contiguous(at::MemoryFormat::ChannelsLast);
    // With one channel both formats are the same bytes, and LibTorch takes such a tensor for row-major; convolutions then give
    // row-major images to everything that follows. The strides say what is meant.
    if (x.size(1) == 1) x = x.as_strided(x.sizes(), {x.size(2) * x.size(3), 1, x.size(3), 1}, x.storage_offset());
    return x;
  });
}

ct_status ct_to_dtype(ct_tensor handle, ct_dtype dtype, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).to(scalar_type(dtype)); });
}

ct_status ct_to_device(ct_tensor handle, ct_device on, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).to(device(on)); });
}
