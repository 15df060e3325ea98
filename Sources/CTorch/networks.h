// Convolutions for prediction on images that keep a border of zeros around them, so that no layer copies or tests for edges.
// Loops are in sheets.inc, compiled for AVX-512 without and with its bfloat16 products.
#pragma once

#include <cstddef>
#include <cstdint>

namespace soup::sheets {

/// Pixels of several images, channels innermost; distances in floats. Around each image there are zeros: one pixel above and to
/// the left, and at least one below and to the right, up to whole tiles of 4x4.
struct Sheet {
  /// Pixel (0, 0) of the first image.
  float *pixels;
  int64_t channels, height, width, row, image;
};

/// Rows and columns that a side of `size` pixels takes with its border.
inline int64_t bordered(int64_t size) { return (size + 3) / 4 * 4 + 2; }

/// to = relu?(convolution(from) + bias + residual), with a border of kernel / 2 zeros. `residual`, which may be `to`, has the
/// shape of `to`; null pixels: none.
struct Convolution {
  int64_t images, kernel, stride;
  Sheet from, to, residual;
  /// As `pack` left it.
  const void *weight;
  const float *bias;
  bool relu;
};

/// What one instruction set offers.
struct Table {
  /// Whether products are of values rounded to bfloat16, in sums of float32.
  bool rounds;
  /// Bytes of a packed weight. With rounding, inputs are a multiple of 16.
  size_t (*packed_size)(int64_t kernel, int64_t stride, int64_t inputs, int64_t outputs);
  /// [outputs, inputs, kernel, kernel] → as `convolve` reads it.
  void (*pack)(int64_t kernel, int64_t stride, int64_t inputs, int64_t outputs, const float *weight, void *packed);
  /// Bytes of scratch memory, on a cache line, that `convolve` needs for one thread.
  size_t (*scratch_size)(const Convolution &);
  void (*convolve)(const Convolution &, void *scratch);
};

/// The table for this processor; null where registers are too few for it to pay. `rounds` asks for bfloat16 products, which not
/// every processor with AVX-512 has; without them the result is null too.
const Table *best(bool rounds);

/// Whether `convolve` knows this layer.
bool serves(int64_t kernel, int64_t stride, int64_t inputs, int64_t outputs);

/// Whether it goes by Winograd's algorithm.
inline bool tiled(int64_t kernel, int64_t stride, int64_t inputs, int64_t outputs) {
  return kernel == 3 && stride == 1 && inputs % 16 == 0 && outputs % 16 == 0;
}

}  // namespace soup::sheets
