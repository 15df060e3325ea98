// Differentiable functions with kernels or products of our own, and LibTorch's wherever those do not apply.
#pragma once

#include <ATen/ATen.h>

namespace soup {

/// The exact GELU.
at::Tensor gelu(const at::Tensor &x);

/// x·weightᵀ + bias; `bias` may be undefined.
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

/// The same without autograd, and the two products of its gradient, for matrices on the CPU in float32 or bfloat16:
/// g·weight, and gᵀ·x in float32.
at::Tensor affine(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);
at::Tensor input_gradient(const at::Tensor &g, const at::Tensor &weight);
at::Tensor weight_gradient(const at::Tensor &g, const at::Tensor &x);

/// Convolution of images [N, C, H, W]; `bias` may be undefined.
at::Tensor conv2d(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, int64_t groups);

/// [N, tokens, 3 · heads · d] → [N, tokens, heads · d].
at::Tensor attention(const at::Tensor &qkv, int64_t heads);

/// Attention without autograd, of queries [N, queries, D] over tokens, at most as many queries as tokens. Rows are `q_stride` and
/// `stride` elements apart, images follow each other; `k` and `v` begin where the first image's do.
struct AttentionOperands {
  int64_t images, tokens, queries, heads, width, q_stride, stride;
  at::ScalarType type;
  const void *q, *k, *v;

  /// Whether our kernels take it.
  static bool fits(int64_t tokens, int64_t heads, int64_t dimension);
};

/// [N, queries, D], and log Σ exp of the scores [N, heads, queries] where asked.
at::Tensor attend(const AttentionOperands &a, const at::TensorOptions &options, at::Tensor *lse);

/// Writes the gradients to where q, k and v of a second tensor laid out alike begin.
void attend_backward(const AttentionOperands &a, const at::Tensor &dout, const at::Tensor &lse, void *dq, void *dk, void *dv);

/// A transformer's block, [N, T, D] → [N, count, D]: x + proj(attention(norm(x))), then + fc2(gelu(fc1(norm))), of the tokens from
/// `start` on; the others give keys and values only.
struct BlockWeights {
  at::Tensor norm1, shift1, qkv, qkv_bias, projection, projection_bias, norm2, shift2, fc1, fc1_bias, fc2, fc2_bias;
};
at::Tensor transformer_block(
    const at::Tensor &x, const BlockWeights &weights, int64_t heads, double epsilon, int64_t start, int64_t count);

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
