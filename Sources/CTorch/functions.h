// Differentiable functions with kernels or products of our own, and LibTorch's wherever those do not apply.
#pragma once

#include <ATen/ATen.h>

namespace soup {

/// The exact GELU.
at::Tensor gelu(const at::Tensor &x);

/// x·weightᵀ + bias; `bias` may be undefined.
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

/// Convolution of images [N, C, H, W]; `bias` may be undefined.
at::Tensor conv2d(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, int64_t groups);

/// [N, tokens, 3 · heads · d] → [N, tokens, heads · d].
at::Tensor attention(const at::Tensor &qkv, int64_t heads);

/// ReLU(batch norm(x) + residual); `residual` may be undefined.
at::Tensor batch_norm(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &mean,
    const at::Tensor &variance, bool training, double momentum, double epsilon, const at::Tensor &residual, bool relu);

/// In place: ReLU(image + bias + residual); bias and residual may be undefined.
void finish(at::Tensor image, const at::Tensor &bias, const at::Tensor &residual, bool relu);

/// Whether `winograd` exists for this processor and these channels.
bool can_use_winograd(int64_t inputs, int64_t outputs);

/// [outputs, inputs, 3, 3] → G g Gᵀ of every filter as `winograd` reads it, in the shape [6, 6, inputs, outputs].
at::Tensor pack_winograd(const at::Tensor &weight);

/// ReLU(convolution + bias + residual) of stride 1 and padding 1 by a weight of `pack_winograd`, no gradients; bias and residual
/// may be undefined.
at::Tensor winograd(
    const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &residual, bool relu);

}  // namespace soup
