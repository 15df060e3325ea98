#include <math.h>
#include <string.h>

#include "clones.h"

static int64_t fixed(double value) { return (int64_t)floor(value * 65536.0 + 0.5); }

void cimages_affine(const uint8_t *pixels, size_t width, size_t height, const double a[6], uint8_t *out) {
  int64_t dx = fixed(a[0]), dy = fixed(a[3]);
  int64_t row_x = fixed(a[2] + a[0] * 0.5 + a[1] * 0.5), row_y = fixed(a[5] + a[3] * 0.5 + a[4] * 0.5);
  int64_t next_x = fixed(a[1]), next_y = fixed(a[4]);
  for (size_t y = 0; y < height; y++, row_x += next_x, row_y += next_y) {
    int64_t at_x = row_x, at_y = row_y;
    for (size_t x = 0; x < width; x++, at_x += dx, at_y += dy, out += 3) {
      int64_t from_x = at_x >> 16, from_y = at_y >> 16;
      if (from_x >= 0 && from_x < (int64_t)width && from_y >= 0 && from_y < (int64_t)height) {
        memcpy(out, pixels + ((size_t)from_y * width + (size_t)from_x) * 3, 3);
      } else {
        memset(out, 0, 3);
      }
    }
  }
}

CLONED static void smooth_and_blend(
    const uint8_t *in, uint8_t *out, size_t width, size_t height, size_t bytes, float factor) {
  for (size_t y = 1; y + 1 < height; y++) {
    const uint8_t *above = in + (y - 1) * bytes, *row = above + bytes, *below = row + bytes;
    uint8_t *target = out + y * bytes;
    for (size_t i = 3; i + 3 < bytes; i++) {
      uint32_t sum = (uint32_t)above[i - 3] + above[i] + above[i + 3] + row[i - 3] + 5u * row[i] + row[i + 3] +
                     below[i - 3] + below[i] + below[i + 3];
      // The nearest integer to sum / 13, which is never half way between two.
      int smooth = (int)((sum * 2 + 13) / 26);
      float value = (float)smooth + factor * (float)(row[i] - smooth);
      value = value < 0.0f ? 0.0f : value;
      value = value > 255.0f ? 255.0f : value;
      target[i] = (uint8_t)(int32_t)value;
    }
  }
  (void)width;
}

int cimages_sharpness(uint8_t *pixels, size_t width, size_t height, float factor, cimages_workspace *workspace) {
  uint8_t *copy = cimages_room(workspace, 1, width * height * 3);
  if (!copy) return 1;
  memcpy(copy, pixels, width * height * 3);
  smooth_and_blend(copy, pixels, width, height, width * 3, factor);
  return 0;
}

void cimages_histogram(const uint8_t *pixels, size_t count, uint32_t *counts) {
  memset(counts, 0, 768 * sizeof *counts);
  for (size_t i = 0; i < count; i++, pixels += 3) {
    counts[pixels[0]]++;
    counts[256 + pixels[1]]++;
    counts[512 + pixels[2]]++;
  }
}
