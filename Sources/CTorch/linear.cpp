#include "functions.h"
#include "support.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

// LibTorch sends float32 products to Intel's MKL, which on AMD's processors reaches a fifth to two fifths of the peak. oneDNN, in
// the same library, reaches four fifths; its linear operator serves all three products of a linear layer, since it takes
// transposed views as they are.

namespace soup {
namespace {

// Per thread, so that a scope that asks for one library changes no result elsewhere in the process.
thread_local int32_t backend = 2;

using Pointwise = at::Tensor(
    const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view,
    torch::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// LibTorch registers oneDNN's linear operator for its compiler; it has no public C++ function.
const c10::TypedOperatorHandle<Pointwise> *find() {
  static const auto found = []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
    if (!at::hasMKLDNN()) return std::nullopt;
    auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    if (!schema) return std::nullopt;
    return schema->typed<Pointwise>();
  }();
  return found ? &*found : nullptr;
}

/// a · bᵀ + bias
at::Tensor product(const at::Tensor &a, const at::Tensor &b, const std::optional<at::Tensor> &bias = std::nullopt) {
  return find()->call(a, b, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

bool is_amd_like() {
  static const bool answer = [] {
    uint32_t features = ct_cpu_features();
    return (features & 1) != 0 && (features & 8) == 0;
  }();
  return answer;
}

/// Whether oneDNN is to make this product.
bool chosen(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  int32_t choice = backend;
  if (choice == 0 || (choice == 2 && !is_amd_like())) return false;
  auto fits = [](const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.layout() == at::kStrided; };
  if (!fits(x) || !fits(weight) || weight.dim() != 2 || x.dim() < 2 || x.size(-1) != weight.size(1)) return false;
  if (bias.defined() && (!fits(bias) || bias.dim() != 1 || bias.size(0) != weight.size(0))) return false;
  if (at::autocast::is_autocast_enabled(at::kCPU) || find() == nullptr) return false;
  // Below this many multiplications a call costs more than it saves.
  return choice == 1 ? x.numel() > 0 : x.numel() * weight.size(0) >= (int64_t{1} << 20);
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &input, const at::Tensor &weight,
      const std::optional<at::Tensor> &bias) {
    auto x = input.contiguous();
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    return product(x, weight.contiguous(), bias);
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto weight = saved[1], x = saved[0].view({-1, weight.size(1)});
    auto g = gradients[0].contiguous().view({-1, weight.size(0)});
    at::Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = product(g, weight.t()).view(saved[0].sizes());
    // Of the two ways to write gᵀ·x the one with the longer right side is faster.
    if (context->needs_input_grad(1))
      dweight = weight.size(0) > weight.size(1) ? product(x.t(), g.t()).t().contiguous() : product(g.t(), x.t());
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) dbias = g.sum(0);
    return {dx, dweight, dbias};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (!chosen(x, weight, bias)) return at::linear(x, weight, optional(bias));
  return Linear::apply(x, weight, optional(bias));
}

}  // namespace soup

using namespace soup;

void ct_set_linear_backend(int32_t value) { backend = value; }

int32_t ct_linear_backend(void) { return backend; }

ct_status ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return linear(tensor(input), tensor(weight), tensor(bias)); });
}
