#include "clones.h"

typedef uint8_t byte4 __attribute__((vector_size(4)));

CI_INLINE ci_float4 floats(byte4 pixel) { return __builtin_convertvector(pixel, ci_float4); }

CI_INLINE ci_float4 between(ci_float4 a, ci_float4 b, float share) { return a + share * (b - a); }

CI_INLINE size_t folded(ptrdiff_t i, size_t n, int mode) {
  return (size_t)i < n ? (size_t)i : (size_t)ci_fold(i, (ptrdiff_t)n, mode);
}

// Places are in 32nds of a pixel, rounded as OpenCV does it: what is added along a row and down a column is rounded to
// 1024ths first.
CI_CLONES static void affine_row(const byte4 *image, size_t height, size_t width, const double *matrix, double y,
                                 const int32_t *across, const int32_t *down, ci_float4 *out) {
  int32_t start_x = (int32_t)nearbyint((matrix[1] * y + matrix[2]) * 1024) + 16;
  int32_t start_y = (int32_t)nearbyint((matrix[4] * y + matrix[5]) * 1024) + 16;
  for (size_t x = 0; x < width; x++) {
    int32_t at_x = (start_x + across[x]) >> 5, at_y = (start_y + down[x]) >> 5;
    ptrdiff_t left = at_x >> 5, top = at_y >> 5;
    float u = (float)(at_x & 31) * (1.0f / 32), v = (float)(at_y & 31) * (1.0f / 32);
    size_t x0 = folded(left, width, CI_REFLECT_101), x1 = folded(left + 1, width, CI_REFLECT_101);
    const byte4 *upper = image + folded(top, height, CI_REFLECT_101) * width;
    const byte4 *lower = image + folded(top + 1, height, CI_REFLECT_101) * width;
    out[x] = between(between(floats(upper[x0]), floats(upper[x1]), u),
                     between(floats(lower[x0]), floats(lower[x1]), u), v);
  }
}

void ci_affine(const uint8_t *pixels, size_t height, size_t width, const double matrix[6], float *out4) {
  byte4 *image = malloc(height * width * sizeof *image);
  int32_t *across = malloc(2 * width * sizeof *across), *down = across + width;
  for (size_t i = 0; i < height * width; i++)
    image[i] = (byte4){pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 0};
  for (size_t x = 0; x < width; x++) {
    across[x] = (int32_t)nearbyint(matrix[0] * (double)x * 1024);
    down[x] = (int32_t)nearbyint(matrix[3] * (double)x * 1024);
  }
  for (size_t y = 0; y < height; y++)
    affine_row(image, height, width, matrix, (double)y, across, down, (ci_float4 *)out4 + y * width);
  free(across);
  free(image);
}

CI_CLONES void ci_displace(const float *image4, size_t height, size_t width, const float *dx, const float *dy,
                           uint8_t *out) {
  const ci_float4 *image = (const ci_float4 *)image4;
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      size_t i = y * width + x;
      float at_x = (float)x + dx[i], at_y = (float)y + dy[i];
      float left = floorf(at_x), top = floorf(at_y);
      size_t x0 = folded((ptrdiff_t)left, width, CI_REFLECT), x1 = folded((ptrdiff_t)left + 1, width, CI_REFLECT);
      size_t y0 = folded((ptrdiff_t)top, height, CI_REFLECT) * width;
      size_t y1 = folded((ptrdiff_t)top + 1, height, CI_REFLECT) * width;
      ci_float4 upper = between(image[y0 + x0], image[y0 + x1], at_x - left);
      ci_float4 lower = between(image[y1 + x0], image[y1 + x1], at_x - left);
      ci_float4 v = between(upper, lower, at_y - top);
      for (int c = 0; c < 3; c++) out[3 * i + (size_t)c] = ci_cut(v[c] + CI_WHOLE);
    }
}
