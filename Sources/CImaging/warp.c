#include "clones.h"

CI_INLINE ci_float4 pixel_at(const uint8_t *pixels, size_t i) {
  const uint8_t *p = pixels + 3 * i;
  return (ci_float4){p[0], p[1], p[2], 0};
}

CI_INLINE ci_float4 between(ci_float4 a, ci_float4 b, float share) { return a + share * (b - a); }

CI_INLINE size_t folded(ptrdiff_t i, size_t n, int mode) {
  return (size_t)i < n ? (size_t)i : (size_t)ci_fold(i, (ptrdiff_t)n, mode);
}

CI_CLONES void ci_affine(const uint8_t *pixels, size_t height, size_t width, const double matrix[6], float *out4) {
  ci_float4 *out = (ci_float4 *)out4;
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      float at_x = (float)(matrix[0] * (double)x + matrix[1] * (double)y + matrix[2]);
      float at_y = (float)(matrix[3] * (double)x + matrix[4] * (double)y + matrix[5]);
      float left = floorf(at_x), top = floorf(at_y);
      size_t x0 = folded((ptrdiff_t)left, width, CI_REFLECT_101);
      size_t x1 = folded((ptrdiff_t)left + 1, width, CI_REFLECT_101);
      size_t y0 = folded((ptrdiff_t)top, height, CI_REFLECT_101) * width;
      size_t y1 = folded((ptrdiff_t)top + 1, height, CI_REFLECT_101) * width;
      ci_float4 upper = between(pixel_at(pixels, y0 + x0), pixel_at(pixels, y0 + x1), at_x - left);
      ci_float4 lower = between(pixel_at(pixels, y1 + x0), pixel_at(pixels, y1 + x1), at_x - left);
      out[y * width + x] = between(upper, lower, at_y - top);
    }
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
