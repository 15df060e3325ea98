#include "support.h"

#include <ATen/core/grad_mode.h>

#include <cmath>

using namespace soup;

ct_status ct_sgd_step(ct_tensors parameters, ct_tensors gradients, ct_tensors momenta, double rate, double momentum, double decay, bool nesterov, bool first, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    if (parameters.count == 0) return;
    at::_fused_sgd_(
        list(parameters), list(gradients), momentum == 0 ? std::vector<at::Tensor>{} : list(momenta), decay, momentum, rate,
        /*dampening=*/0, nesterov, /*maximize=*/false, first);
  });
}

ct_status ct_adamw_step(ct_tensors parameters, ct_tensors gradients, ct_tensors first_moments, ct_tensors second_moments, ct_tensors steps, double rate, double beta1, double beta2, double decay, double epsilon, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    if (parameters.count == 0) return;
    auto counts = list(steps);
    at::_foreach_add_(counts, 1);
    at::_fused_adamw_(
        list(parameters), list(gradients), list(first_moments), list(second_moments), {}, counts, rate, beta1, beta2, decay,
        epsilon, /*amsgrad=*/false, /*maximize=*/false);
  });
}

ct_status ct_total_norm(ct_tensors tensors, double *out, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    *out = tensors.count == 0 ? 0 : at::linalg_vector_norm(at::stack(at::_foreach_norm(list(tensors)))).item().toDouble();
  });
}

ct_status ct_scale_in_place(ct_tensors tensors, double factor, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    if (tensors.count > 0) at::_foreach_mul_(list(tensors), factor);
  });
}

ct_status ct_lerp_in_place(ct_tensors tensors, ct_tensors targets, double weight, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    if (tensors.count > 0) at::_foreach_lerp_(list(tensors), list(targets), weight);
  });
}

ct_status ct_increment(ct_tensor counter, ct_error *error) {
  return guarded(error, [&] {
    at::NoGradGuard guard;
    tensor(counter).add_(1);
  });
}
