// Loops of our own for what LibTorch does slowly on the CPU, compiled once per instruction set (see kernels.inc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace soup::kernels {

/// A bfloat16 as its bits.
using bf16 = uint16_t;

/// One head of attention of `queries` over `tokens`, at most as many queries as tokens. Rows of k and v are `stride` elements
/// apart, those of q `q_stride`, those of the output `out_stride`.
template <class T>
struct Attention {
  int64_t tokens, queries, width, q_stride, stride, out_stride;
  float scale;
  const T *q, *k, *v;
  /// Forward: written. Backward: the gradient of the output, read.
  T *out;
  /// log Σ exp of each row of scores: written by the forward pass, read by the backward pass.
  float *lse;
  T *dq, *dk, *dv;
};

/// Pixels (rows) of a channels-last image between `begin` and `end`. `residual`, `y`, `dresidual` may be null.
template <class T>
struct Normalization {
  int64_t channels, begin, end;
  const T *x;
  const T *residual;
  /// y = x · scale + shift
  const float *scale, *shift;
  bool relu;
  T *y;
  // Backward.
  const T *dy;
  T *dx, *dresidual;
  const float *mean, *inverse_deviation;
  /// dx = g · scale + x · slope + shift, with g the gradient before ReLU and residual.
  const float *slope;
};

/// Rows `begin..<end` of tokens through a layer norm, y = scale · (s − mean) · inverse_deviation + shift with s = x + added.
/// The width is a multiple of 16.
template <class T>
struct LayerNormalization {
  int64_t width, begin, end;
  const float *x;
  /// What is added to x before, and where the sum goes; both or neither. The sum may overwrite `added`.
  const T *added;
  float *sum;
  const float *scale, *shift;
  float epsilon;
  /// One for each row; written by the forward pass, read by the backward pass.
  float *mean, *inverse_deviation;
  T *y;
  // Backward: dx = (gradient of the norm) + direct.
  const T *dy;
  /// The gradient that reaches s past the norm; may be null.
  const float *direct;
  float *dx;
  /// dx in the precision of products; may be null.
  T *low;
  /// Sums over these rows: of dy · normalised, of dy, and of dx (may be null).
  float *dscale, *dshift, *total;
};

/// Images for a 3x3 convolution of stride 1 with a border of one zero, channels innermost.
struct Convolution {
  int64_t height, width, inputs, outputs;
  const float *x;
  /// [outputs / lanes][3][3][inputs][lanes], lanes as in the table.
  const float *weight;
  float *y;
};

/// One entry per instruction set; every function works on one piece, its caller shares pieces among threads.
struct Table {
  const char *name;
  /// y = gelu(x) and, where `derivative` is not null, gelu′(x).
  void (*gelu_f32)(const float *x, float *y, float *derivative, size_t n);
  void (*gelu_bf16)(const bf16 *x, bf16 *y, bf16 *derivative, size_t n);
  void (*multiply_f32)(const float *a, const float *b, float *y, size_t n);
  void (*multiply_bf16)(const bf16 *a, const bf16 *b, bf16 *y, size_t n);
  /// Floats of scratch memory that one head needs.
  size_t (*attention_scratch)(int64_t tokens, int64_t width, bool backward);
  void (*attention_f32)(const Attention<float> &, float *scratch);
  void (*attention_bf16)(const Attention<bf16> &, float *scratch);
  void (*attention_backward_f32)(const Attention<float> &, float *scratch);
  void (*attention_backward_bf16)(const Attention<bf16> &, float *scratch);
  /// Sum and sum of squared deviations from the piece's own mean, per channel.
  void (*moments_f32)(const Normalization<float> &, double *sum, double *deviation, float *scratch);
  void (*moments_bf16)(const Normalization<bf16> &, double *sum, double *deviation, float *scratch);
  void (*normalize_f32)(const Normalization<float> &);
  void (*normalize_bf16)(const Normalization<bf16> &);
  /// Σ g and Σ g · (x − mean) per channel, and dresidual = g.
  void (*normalize_sums_f32)(const Normalization<float> &, double *sum, double *product, float *scratch);
  void (*normalize_sums_bf16)(const Normalization<bf16> &, double *sum, double *product, float *scratch);
  void (*normalize_backward_f32)(const Normalization<float> &);
  void (*normalize_backward_bf16)(const Normalization<bf16> &);
  /// Floats in a vector of this instruction set.
  int64_t lanes;
  /// Convolves one image. `scratch` holds 4 · (width + 2) · inputs floats. Null where registers are too few for it to pay.
  void (*convolve)(const Convolution &, float *scratch);
  void (*layer_norm_f32)(const LayerNormalization<float> &);
  void (*layer_norm_bf16)(const LayerNormalization<bf16> &);
  void (*layer_norm_backward_f32)(const LayerNormalization<float> &);
  void (*layer_norm_backward_bf16)(const LayerNormalization<bf16> &);
  /// y = a + b; y may be a or b.
  void (*add_f32)(const float *a, const float *b, float *y, size_t n);
  void (*add_bf16)(const float *a, const bf16 *b, float *y, size_t n);
  /// Sums over rows, for each of `width` columns, a multiple of 16.
  void (*sum_columns_f32)(const float *x, int64_t rows, int64_t width, float *sums);
  void (*sum_columns_bf16)(const bf16 *x, int64_t rows, int64_t width, float *sums);
  /// The same, and y = x in bfloat16.
  void (*narrow_columns)(const float *x, bf16 *y, int64_t rows, int64_t width, float *sums);
  /// y = a · b, and its sums; y may be a or b.
  void (*multiply_columns_f32)(const float *a, const float *b, float *y, int64_t rows, int64_t width, float *sums);
  void (*multiply_columns_bf16)(const bf16 *a, const bf16 *b, bf16 *y, int64_t rows, int64_t width, float *sums);
};

/// The table for this processor.
const Table &best();

/// Runs `body(piece)` for each piece in 0..<pieces on LibTorch's own threads. Which thread takes a piece makes no difference
/// to what is computed, so results do not depend on the number of threads.
void parallel(int64_t pieces, void (*body)(int64_t piece, int thread, void *context), void *context);
int thread_limit();

template <class Body>
void each(int64_t pieces, Body &&body) {
  parallel(
      pieces, [](int64_t piece, int thread, void *context) { (*static_cast<Body *>(context))(piece, thread); }, &body);
}

}  // namespace soup::kernels
