#include "clones.h"

ptrdiff_t ci_fold(ptrdiff_t i, ptrdiff_t n, int mode) {
  if (mode == CI_NEAREST || n == 1) return i < 0 ? 0 : i >= n ? n - 1 : i;
  ptrdiff_t period = mode == CI_REFLECT ? 2 * n : 2 * n - 2;
  i %= period;
  if (i < 0) i += period;
  if (i < n) return i;
  return mode == CI_REFLECT ? period - 1 - i : period - i;
}

// Extends every row to both sides, then repeats whole rows above and below.
#define PAD(NAME, TYPE, PARAMETERS, CHANNELS)                                                                  \
  void NAME(const TYPE *source, size_t height, size_t width PARAMETERS, size_t pad, int mode, TYPE *out) {     \
    size_t stride = (width + 2 * pad) * CHANNELS;                                                              \
    for (size_t y = 0; y < height; y++) {                                                                      \
      const TYPE *row = source + y * width * CHANNELS;                                                         \
      TYPE *to = out + (y + pad) * stride;                                                                     \
      memcpy(to + pad * CHANNELS, row, width * CHANNELS * sizeof(TYPE));                                       \
      for (size_t x = 0; x < pad; x++) {                                                                       \
        size_t left = (size_t)ci_fold((ptrdiff_t)x - (ptrdiff_t)pad, (ptrdiff_t)width, mode);                  \
        size_t right = (size_t)ci_fold((ptrdiff_t)(width + x), (ptrdiff_t)width, mode);                        \
        for (size_t c = 0; c < CHANNELS; c++) {                                                                \
          to[x * CHANNELS + c] = row[left * CHANNELS + c];                                                     \
          to[(pad + width + x) * CHANNELS + c] = row[right * CHANNELS + c];                                    \
        }                                                                                                      \
      }                                                                                                        \
    }                                                                                                          \
    for (size_t y = 0; y < pad; y++) {                                                                         \
      size_t above = (size_t)ci_fold((ptrdiff_t)y - (ptrdiff_t)pad, (ptrdiff_t)height, mode);                  \
      size_t below = (size_t)ci_fold((ptrdiff_t)(height + y), (ptrdiff_t)height, mode);                        \
      memcpy(out + y * stride, out + (pad + above) * stride, stride * sizeof(TYPE));                           \
      memcpy(out + (pad + height + y) * stride, out + (pad + below) * stride, stride * sizeof(TYPE));          \
    }                                                                                                          \
  }
#define COMMA ,
PAD(ci_pad, uint8_t, COMMA size_t channels, channels)
PAD(ci_pad_floats, float, , 1)

enum { WIDE = 64, NARROW = 16 };

// Sixty-four sums stay in registers while the taps go by.
#define BLOCK_OF(SIZE)                                                            \
  for (; i + SIZE <= n; i += SIZE) {                                              \
    float sum[SIZE];                                                              \
    for (int j = 0; j < SIZE; j++) sum[j] = accumulate ? to[i + (size_t)j] : 0;   \
    for (size_t t = 0; t < taps; t++) {                                           \
      const __typeof__(*source) *from = row + (ptrdiff_t)i + offsets[t];          \
      float weight = weights[t];                                                  \
      for (int j = 0; j < SIZE; j++) sum[j] += weight * (float)from[j];           \
    }                                                                             \
    for (int j = 0; j < SIZE; j++) to[i + (size_t)j] = sum[j];                    \
  }

#define TAPS                                                                      \
  for (size_t r = 0; r < rows; r++) {                                             \
    const __typeof__(*source) *row = source + r * source_stride;                  \
    float *to = out + r * out_stride;                                             \
    size_t i = 0;                                                                 \
    BLOCK_OF(WIDE)                                                                \
    BLOCK_OF(NARROW)                                                              \
    for (; i < n; i++) {                                                          \
      float sum = accumulate ? to[i] : 0;                                         \
      for (size_t t = 0; t < taps; t++) sum += weights[t] * (float)row[(ptrdiff_t)i + offsets[t]]; \
      to[i] = sum;                                                                \
    }                                                                             \
  }

CI_CLONES void ci_taps_bytes(const uint8_t *restrict source, size_t source_stride, const ptrdiff_t *restrict offsets,
                             const float *restrict weights, size_t taps, float *restrict out, size_t out_stride,
                             size_t rows, size_t n, int accumulate){TAPS}

CI_CLONES void ci_taps(const float *restrict source, size_t source_stride, const ptrdiff_t *restrict offsets,
                       const float *restrict weights, size_t taps, float *restrict out, size_t out_stride,
                       size_t rows, size_t n, int accumulate){TAPS}

void ci_row_sums(const uint8_t *source, size_t channels, float *out, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; r++) {
    const uint8_t *row = source + r * n;
    float *to = out + r * (n + channels);
    if (channels == 3) {
      int32_t a = 0, b = 0, c = 0;
      to[0] = to[1] = to[2] = 0;
      for (size_t i = 0; i + 3 <= n; i += 3) {
        to[i + 3] = (float)(a += row[i]);
        to[i + 4] = (float)(b += row[i + 1]);
        to[i + 5] = (float)(c += row[i + 2]);
      }
    } else {
      for (size_t c = 0; c < channels; c++) to[c] = 0;
      for (size_t i = 0; i < n; i++) to[i + channels] = to[i] + (float)row[i];
    }
  }
}

CI_CLONES void ci_multiply(const float *restrict matrix, const float *restrict source, float *restrict out, size_t rows,
                           size_t inner, size_t n) {
  for (size_t r = 0; r < rows; r++) {
    size_t i = 0;
    for (; i + WIDE <= n; i += WIDE) {
      float sum[WIDE] = {0};
      for (size_t k = 0; k < inner; k++) {
        const float *from = source + k * n + i;
        float weight = matrix[r * inner + k];
        for (int j = 0; j < WIDE; j++) sum[j] += weight * from[j];
      }
      for (int j = 0; j < WIDE; j++) out[r * n + i + (size_t)j] = sum[j];
    }
    for (; i < n; i++) {
      float sum = 0;
      for (size_t k = 0; k < inner; k++) sum += matrix[r * inner + k] * source[k * n + i];
      out[r * n + i] = sum;
    }
  }
}

void ci_transpose(const float *source, float *out, size_t rows, size_t columns) {
  for (size_t y = 0; y < rows; y++)
    for (size_t x = 0; x < columns; x++) out[x * rows + y] = source[y * columns + x];
}

CI_CLONES void ci_to_bytes(const float *restrict values, uint8_t *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = ci_cut(values[i] + CI_WHOLE);
}

CI_CLONES void ci_round_to_bytes(const float *restrict values, uint8_t *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = ci_cut(values[i] + 0.5f);
}
