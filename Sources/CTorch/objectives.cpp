#include "functions.h"
#include "support.h"

#include <torch/csrc/autograd/custom_function.h>

#include <limits>

namespace soup {
namespace {

// Singular values come from the eigenvalues of the smaller Gram matrix in float64. Of a float32 matrix that gives U·Vᵀ to 1e-8,
// where its float32 SVD gives it to 5e-7, and costs as much for square matrices and less for others (128 x 512: 2.4 against 4.2 ms).
struct NuclearNorm : torch::autograd::Function<NuclearNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x) {
    auto wide = x.size(-2) <= x.size(-1);
    auto values = x.to(at::kDouble);
    auto gram = wide ? at::matmul(values, values.mT()) : at::matmul(values.mT(), values);
    // LAPACK refuses what is not finite; the loss should say so instead.
    if (!at::isfinite(gram).all().item<bool>()) {
      context->save_for_backward({at::full_like(x, std::numeric_limits<double>::quiet_NaN())});
      return x.sum({-2, -1}) * std::numeric_limits<double>::quiet_NaN();
    }
    auto [squares, vectors] = at::linalg_eigh(gram, "L");
    auto singular = squares.clamp_min(0).sqrt();
    // Singular values below the rounding of the input have no direction of their own: their share of U·Vᵀ is left out, the
    // subgradient of least norm. Without this, equal rows would get random gradients.
    double precision = x.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon() * 1e4
                                                      : std::numeric_limits<float>::epsilon();
    auto least = singular.amax({-1}, /*keepdim=*/true) * (precision * static_cast<double>(std::max(x.size(-2), x.size(-1))));
    auto inverse = at::where(singular > least, singular.reciprocal(), at::zeros_like(singular));
    auto root = at::matmul(vectors * inverse.unsqueeze(-2), vectors.mT());
    auto gradient = wide ? at::matmul(root, values) : at::matmul(values, root);
    context->save_for_backward({gradient.to(x.scalar_type())});
    return singular.sum({-1}).to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    return {context->get_saved_variables()[0] * gradients[0].unsqueeze(-1).unsqueeze(-1)};
  }
};

at::Tensor standardize(
    const at::Tensor &x, const at::Tensor &mean, const at::Tensor &variance, bool training, double momentum, double epsilon) {
  return at::batch_norm(x, {}, {}, mean, variance, training, momentum, epsilon, /*cudnn_enabled=*/true);
}

}  // namespace
}  // namespace soup

using namespace soup;

ct_status ct_normalize(ct_tensor input, double epsilon, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto x = tensor(input);
    return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, /*keepdim=*/true).clamp_min(epsilon);
  });
}

ct_status ct_vector_norm(ct_tensor input, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::linalg_vector_norm(tensor(input), 2, at::IntArrayRef{-1}); });
}

ct_status ct_nuclear_norm(ct_tensor matrices, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto x = tensor(matrices);
    TORCH_CHECK(
        x.dim() >= 2 && x.numel() > 0 && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble),
        "a nuclear norm is of float32 or float64 matrices [..., m, n], found ", x.scalar_type(), " ", x.sizes());
    return NuclearNorm::apply(x);
  });
}

ct_status ct_standardize(ct_tensor input, ct_tensor mean, ct_tensor variance, bool training, double momentum, double epsilon, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return standardize(tensor(input), tensor(mean), tensor(variance), training, momentum, epsilon);
  });
}
