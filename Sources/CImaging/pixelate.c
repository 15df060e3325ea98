#include "clones.h"

enum { BITS = 22 };  // of a weight's fraction, as in Pillow

typedef struct {
  int32_t first, count, weight;
} window;

// The cells under output cell `i` of `to` when `from` cells are reduced; each has the same weight.
static window window_of(size_t i, size_t from, size_t to) {
  double scale = (double)from / (double)to, reach = 0.5 * (scale < 1 ? 1 : scale);
  double centre = ((double)i + 0.5) * scale;
  double unit = scale < 1 ? 1 : 1 / scale;
  int32_t first = (int32_t)(centre - reach + 0.5), end = (int32_t)(centre + reach + 0.5);
  if (first < 0) first = 0;
  if (end > (int32_t)from) end = (int32_t)from;
  // The box is open below and closed above: (-1/2, 1/2].
  while (first + 1 < end && !((first - centre + 0.5) * unit > -0.5)) first++;
  while (end - 1 > first && !((end - 1 - centre + 0.5) * unit <= 0.5)) end--;
  return (window){first, end - first, (int32_t)lround((double)(1 << BITS) / (end - first))};
}

CI_CLONES static void reduce_rows(const uint8_t *restrict row, size_t stride, int32_t count, int32_t weight,
                                  uint8_t *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int32_t sum = 0;
    for (int32_t k = 0; k < count; k++) sum += row[(size_t)k * stride + i];
    int32_t v = (sum * weight + (1 << (BITS - 1))) >> BITS;
    out[i] = (uint8_t)(v > 255 ? 255 : v);
  }
}

static void reduce_columns(const uint8_t *restrict from, const window *restrict columns, uint8_t *restrict to,
                              size_t small) {
  for (size_t x = 0; x < small; x++) {
    const uint8_t *p = from + 3 * columns[x].first;
    int32_t r = 0, g = 0, b = 0;
    for (int32_t k = 0; k < columns[x].count; k++, p += 3) {
      r += p[0];
      g += p[1];
      b += p[2];
    }
    int32_t weight = columns[x].weight, half = 1 << (BITS - 1);
    to[3 * x] = (uint8_t)((r * weight + half) >> BITS);
    to[3 * x + 1] = (uint8_t)((g * weight + half) >> BITS);
    to[3 * x + 2] = (uint8_t)((b * weight + half) >> BITS);
  }
}

void ci_box_reduce(const uint8_t *pixels, size_t height, size_t width, size_t small_height, size_t small_width,
                   uint8_t *work, uint8_t *out) {
  window *columns = malloc(small_width * sizeof *columns);
  for (size_t x = 0; x < small_width; x++) columns[x] = window_of(x, width, small_width);
  for (size_t y = 0; y < height; y++)
    reduce_columns(pixels + 3 * y * width, columns, work + 3 * y * small_width, small_width);
  for (size_t y = 0; y < small_height; y++) {
    window rows = window_of(y, height, small_height);
    reduce_rows(work + 3 * (size_t)rows.first * small_width, 3 * small_width, rows.count, rows.weight,
                out + 3 * y * small_width, 3 * small_width);
  }
  free(columns);
}

void ci_pixelate(uint8_t *pixels, size_t height, size_t width, size_t small_height, size_t small_width, uint8_t *work) {
  uint8_t *small = work + 3 * height * small_width;
  ci_box_reduce(pixels, height, width, small_height, small_width, work, small);
  int32_t *columns = malloc(width * sizeof *columns);
  for (size_t x = 0; x < width; x++) columns[x] = 3 * window_of(x, small_width, width).first;
  int32_t shown = -1;
  for (size_t y = 0; y < height; y++) {
    int32_t line = window_of(y, small_height, height).first;
    uint8_t *to = pixels + 3 * y * width;
    if (line == shown) {
      memcpy(to, to - 3 * width, 3 * width);
      continue;
    }
    const uint8_t *from = small + 3 * (size_t)line * small_width;
    for (size_t x = 0; x < width; x++) memcpy(to + 3 * x, from + columns[x], 3);
    shown = line;
  }
  free(columns);
}
