#include <math.h>
#include <string.h>

#include "clones.h"

// Columns to rows; three bytes travel together.
static void transpose_pixels(const uint8_t *from, size_t width, size_t height, uint8_t *to) {
  enum { BLOCK = 32 };
  for (size_t top = 0; top < height; top += BLOCK) {
    size_t bottom = top + BLOCK < height ? top + BLOCK : height;
    for (size_t x = 0; x < width; x++) {
      uint8_t *target = to + (x * height + top) * 3;
      const uint8_t *source = from + (top * width + x) * 3;
      for (size_t y = top; y < bottom; y++, target += 3, source += width * 3) memcpy(target, source, 3);
    }
  }
}

INLINE const uint8_t *line(const uint8_t *pixels, size_t bytes, size_t count, ptrdiff_t at) {
  return pixels + (at < 0 ? 0 : at >= (ptrdiff_t)count ? count - 1 : (size_t)at) * bytes;
}

// out[y] = (w (in[y-r] + … + in[y+r]) + f (in[y-r-1] + in[y+r+1]) + half) >> 24, borders repeated; lines of `bytes` bytes.
CLONED static void box_blur(
    const uint8_t *in, uint8_t *out, size_t bytes, size_t count, ptrdiff_t radius, uint32_t w, uint32_t f,
    uint32_t *sums) {
  memset(sums, 0, bytes * sizeof *sums);
  for (ptrdiff_t y = -radius - 1; y < radius; y++) {
    const uint8_t *next = line(in, bytes, count, y);
    for (size_t i = 0; i < bytes; i++) sums[i] += next[i];
  }
  for (ptrdiff_t y = 0; y < (ptrdiff_t)count; y++) {
    const uint8_t *gone = line(in, bytes, count, y - radius - 1), *next = line(in, bytes, count, y + radius);
    const uint8_t *beyond = line(in, bytes, count, y + radius + 1);
    uint8_t *target = out + (size_t)y * bytes;
    for (size_t i = 0; i < bytes; i++) {
      sums[i] += (uint32_t)next[i] - gone[i];
      target[i] = (uint8_t)((sums[i] * w + ((uint32_t)gone[i] + beyond[i]) * f + (1u << 23)) >> 24);
    }
  }
}

int cimages_gaussian_blur(uint8_t *pixels, size_t width, size_t height, float radius, cimages_workspace *workspace) {
  if (!(radius > 0) || width == 0 || height == 0) return 0;
  enum { PASSES = 3 };
  // Gwosdek et al., Theoretical foundations of Gaussian convolution by extended box filtering, 2011: [7], [11], [14].
  float variance = radius * radius / PASSES;
  float length = (float)sqrt(12.0 * variance + 1.0);
  float whole = (float)floor((length - 1.0) / 2.0);
  float part = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance);
  part /= 6 * (variance - (whole + 1) * (whole + 1));
  float box = whole + part;
  ptrdiff_t r = (ptrdiff_t)box;
  uint32_t w = (uint32_t)((float)(1 << 24) / (box * 2 + 1));
  uint32_t f = ((1u << 24) - (uint32_t)(r * 2 + 1) * w) / 2;

  size_t size = width * height * 3, longest = width > height ? width : height;
  uint8_t *a = cimages_room(workspace, 1, size), *b = cimages_room(workspace, 2, size);
  uint32_t *sums = cimages_room(workspace, 0, longest * 3 * sizeof *sums);
  if (!a || !b || !sums) return 1;
  // Along rows is along columns of the transposed image.
  transpose_pixels(pixels, width, height, a);
  box_blur(a, b, height * 3, width, r, w, f, sums);
  box_blur(b, a, height * 3, width, r, w, f, sums);
  box_blur(a, b, height * 3, width, r, w, f, sums);
  transpose_pixels(b, height, width, pixels);
  box_blur(pixels, a, width * 3, height, r, w, f, sums);
  box_blur(a, b, width * 3, height, r, w, f, sums);
  box_blur(b, pixels, width * 3, height, r, w, f, sums);
  return 0;
}
