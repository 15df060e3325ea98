/// What self-supervised objectives need beside the layers; part of CTorch.h.
#ifndef SOUP_CTORCH_OBJECTIVES_H
#define SOUP_CTORCH_OBJECTIVES_H

#include "CTorch.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Rows along the last dimension divided by max(their Euclidean norm, epsilon).
ct_status ct_normalize(ct_tensor tensor, double epsilon, ct_tensor *out, ct_error *error);
/// Euclidean norms along the last dimension, which disappears. The gradient at zero is zero.
ct_status ct_vector_norm(ct_tensor tensor, ct_tensor *out, ct_error *error);
/// Sum of the singular values of each matrix [..., m, n], with gradient U·Vᵀ over the singular values that are not zero to rounding.
ct_status ct_nuclear_norm(ct_tensor matrices, ct_tensor *out, ct_error *error);
/// Batch norm of [N, C] without scale and shift. In training `mean` and `variance` are updated.
ct_status ct_standardize(ct_tensor input, ct_tensor mean, ct_tensor variance, bool training, double momentum, double epsilon, ct_tensor *out, ct_error *error);
/// Epps and Pulley's statistic of projections [V, N, K], averaged over V and K: how far the N numbers of a slice are from N(0, 1), by
/// their characteristic function at `knots` points of [0, limit].
ct_status ct_epps_pulley(ct_tensor projections, ptrdiff_t knots, double limit, ct_tensor *out, ct_error *error);

#ifdef __cplusplus
}
#endif
#endif
