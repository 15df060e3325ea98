#include "support.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>

// oneDNN convolutions and products with their bias, residual and activation in one pass. LibTorch registers these
// operators for its compiler; they have no public C++ function, so they are found by name once.

using namespace soup;

namespace {

using Text = std::optional<std::string_view>;
using Scalars = torch::List<std::optional<at::Scalar>>;

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char *name, const char *overload) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

const char *name(ct_activation activation) {
  switch (activation) {
    case CT_IDENTITY: return "none";
    case CT_ACTIVATION_RELU: return "relu";
    case CT_ACTIVATION_GELU: return "gelu";
  }
  TORCH_CHECK(false, "unknown activation ", static_cast<int>(activation));
}

Text algorithm(ct_activation activation) {
  if (activation == CT_ACTIVATION_GELU) return "none";  // the exact form with erf; the other is "tanh"
  return "";
}

}  // namespace

bool ct_can_fuse(ct_dtype dtype) {
  try {
    if (!at::hasMKLDNN() || (dtype != CT_F32 && dtype != CT_BF16)) return false;
    auto &dispatcher = c10::Dispatcher::singleton();
    if (!dispatcher.findSchema({"mkldnn::_convolution_pointwise", "binary"})) return false;
    if (dtype == CT_F32) return true;
    return find<bool()>("mkldnn::_is_mkldnn_bf16_supported", "").call();
  } catch (...) {
    return false;
  }
}

ct_status ct_pack_conv2d(ct_tensor weight, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_sizes input_shape, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    static auto op = find<at::Tensor(
        const at::Tensor &, at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, c10::OptionalArrayRef<int64_t>)>(
        "mkldnn::_reorder_convolution_weight", "");
    auto shape = sizes(input_shape);
    return op.call(
        tensor(weight), sizes(padding), sizes(stride), sizes(dilation), groups,
        shape.empty() ? c10::OptionalArrayRef<int64_t>() : c10::OptionalArrayRef<int64_t>(shape));
  });
}

ct_status ct_fused_conv2d(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_activation activation, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    if (residual == nullptr) {
      static auto op = find<at::Tensor(
          const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::IntArrayRef, at::IntArrayRef,
          at::IntArrayRef, int64_t, std::string_view, Scalars, Text)>("mkldnn::_convolution_pointwise", "");
      return op.call(
          tensor(input), tensor(weight), optional(bias), sizes(padding), sizes(stride), sizes(dilation), groups,
          name(activation), Scalars(), algorithm(activation));
    }
    TORCH_CHECK(activation != CT_ACTIVATION_GELU, "a fused residual addition knows only ReLU");
    static auto op = find<at::Tensor(
        const at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::IntArrayRef,
        at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, std::optional<at::Scalar>, Text, Scalars, Text)>(
        "mkldnn::_convolution_pointwise", "binary");
    return op.call(
        tensor(input), tensor(residual), tensor(weight), optional(bias), sizes(padding), sizes(stride), sizes(dilation),
        groups, "add", at::Scalar(1), activation == CT_IDENTITY ? Text() : Text("relu"), Scalars(), Text());
  });
}

ct_status ct_pack_linear(ct_tensor weight, ptrdiff_t rows, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    static auto op = find<at::Tensor(const at::Tensor &, std::optional<int64_t>)>("mkldnn::_reorder_linear_weight", "");
    return op.call(tensor(weight), rows > 0 ? std::optional<int64_t>(rows) : std::nullopt);
  });
}

ct_status ct_fused_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, ct_activation activation, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    if (residual == nullptr) {
      static auto op = find<at::Tensor(
          const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view, Scalars, Text)>(
          "mkldnn::_linear_pointwise", "");
      return op.call(
          tensor(input), tensor(weight), optional(bias), name(activation), Scalars(), algorithm(activation));
    }
    TORCH_CHECK(activation == CT_IDENTITY, "a linear layer with a fused residual has no activation");
    static auto op = find<at::Tensor(
        const at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view)>(
        "mkldnn::_linear_pointwise", "binary");
    return op.call(tensor(input), tensor(residual), tensor(weight), optional(bias), "add");
  });
}
