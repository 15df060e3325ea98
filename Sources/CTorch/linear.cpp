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

bool is_float(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.layout() == at::kStrided; }

/// Whether oneDNN is to make products of so many multiplications.
bool chosen(int64_t multiplications) {
  int32_t choice = backend;
  if (choice == 0 || (choice == 2 && !is_amd_like()) || find() == nullptr) return false;
  // Below this many a call costs more than it saves.
  return choice == 1 ? multiplications > 0 : multiplications >= (int64_t{1} << 20);
}

bool chosen(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (!is_float(x) || !is_float(weight) || weight.dim() != 2 || x.dim() < 2 || x.size(-1) != weight.size(1)) return false;
  if (bias.defined() && (!is_float(bias) || bias.dim() != 1 || bias.size(0) != weight.size(0))) return false;
  if (at::autocast::is_autocast_enabled(at::kCPU)) return false;
  return chosen(x.numel() * weight.size(0));
}

/// gᵀ · x, in rows of the weight. Of the two ways to write it the one with the longer right side is faster, and so are sums of fewer
/// rows: oneDNN then turns over what is still in the cache.
at::Tensor weight_product(const at::Tensor &g, const at::Tensor &x) {
  constexpr int64_t length = 800;
  bool turned = g.size(1) > x.size(1);
  int64_t rows = g.size(0), count = std::max<int64_t>(1, (rows + length / 2) / length);
  at::Tensor sum;
  for (int64_t i = 0; i < count; ++i) {
    int64_t begin = rows * i / count, end = rows * (i + 1) / count;
    auto left = (turned ? x : g).slice(0, begin, end), right = (turned ? g : x).slice(0, begin, end);
    auto part = product(left.t(), right.t());
    sum = sum.defined() ? sum.add_(part) : part;
  }
  return turned ? sum.t().contiguous() : sum;
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
    if (context->needs_input_grad(1)) dweight = weight_product(g, x);
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) dbias = g.sum(0);
    return {dx, dweight, dbias};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  if (!chosen(x, weight, bias)) return at::linear(x, weight, optional(bias));
  return Linear::apply(x, weight, optional(bias));
}

at::Tensor affine(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  bool own = is_float(x) ? chosen(x.numel() * weight.size(0)) : find() != nullptr;
  return own ? product(x, weight, optional(bias)) : at::linear(x, weight, optional(bias));
}

at::Tensor input_gradient(const at::Tensor &g, const at::Tensor &weight) {
  return is_float(g) && chosen(g.numel() * weight.size(1)) ? product(g, weight.t()) : at::mm(g, weight);
}

at::Tensor weight_gradient(const at::Tensor &g, const at::Tensor &x) {
  if (is_float(g) && chosen(g.numel() * x.size(1))) return weight_product(g, x);
  auto gradient = g.size(1) > x.size(1) ? at::mm(x.t(), g).t() : at::mm(g.t(), x);
  return gradient.to(at::kFloat).contiguous();
}

}  // namespace soup

using namespace soup;

void ct_set_linear_backend(int32_t value) { backend = value; }

int32_t ct_linear_backend(void) { return backend; }

ct_status ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return linear(tensor(input), tensor(weight), tensor(bias)); });
}
