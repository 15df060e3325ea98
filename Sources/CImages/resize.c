#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"

enum { PRECISION = 32 - 8 - 2, LANES = 16 };

void *cimages_room(cimages_workspace *workspace, int slot, size_t count) {
  if (workspace->capacity[slot] < count) {
    free(workspace->bytes[slot]);
    size_t size = (count + count / 4 + 127) & ~(size_t)63;
    workspace->bytes[slot] = aligned_alloc(64, size);
    workspace->capacity[slot] = workspace->bytes[slot] ? size : 0;
  }
  return workspace->bytes[slot];
}

void cimages_clear(cimages_workspace *workspace) {
  for (int i = 0; i < 4; i++) free(workspace->bytes[i]);
  memset(workspace, 0, sizeof *workspace);
}

static double support_of(cimages_filter filter) {
  return filter == CIMAGES_BOX ? 0.5 : filter == CIMAGES_BILINEAR ? 1.0 : 2.0;
}

static double weight(cimages_filter filter, double x) {
  switch (filter) {
    case CIMAGES_BOX: return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case CIMAGES_BILINEAR: x = fabs(x); return x < 1.0 ? 1.0 - x : 0.0;
    default: {
      const double a = -0.5;
      x = fabs(x);
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
      if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
      return 0.0;
    }
  }
}

// The inputs of each output and their weights.
typedef struct {
  size_t taps;      // room for each output
  int32_t *first;   // first input
  int32_t *count;   // number of inputs
  int32_t *weights; // `taps` for each output, with PRECISION fractional bits
} coefficients;

static size_t taps_of(float from, float to, size_t out, cimages_filter filter) {
  double scale = (double)(to - from) / (double)out;
  return (size_t)ceil(support_of(filter) * (scale < 1.0 ? 1.0 : scale)) * 2 + 1;
}

static void prepare(coefficients *c, size_t in, float from, float to, size_t out, cimages_filter filter, double *row) {
  double scale = (double)(to - from) / (double)out, stretch = scale < 1.0 ? 1.0 : scale;
  double support = support_of(filter) * stretch, inverse = 1.0 / stretch;
  for (size_t i = 0; i < out; i++) {
    double center = from + ((double)i + 0.5) * scale, sum = 0;
    int first = (int)(center - support + 0.5), last = (int)(center + support + 0.5);
    if (first < 0) first = 0;
    if (last > (int)in) last = (int)in;
    int count = last - first;
    int32_t *weights = c->weights + i * c->taps;
    for (int x = 0; x < count; x++) sum += row[x] = weight(filter, (x + first - center + 0.5) * inverse);
    for (int x = 0; x < count; x++) {
      double k = (sum != 0 ? row[x] / sum : row[x]) * (1 << PRECISION);
      weights[x] = (int32_t)(k < 0 ? k - 0.5 : k + 0.5);
    }
    c->first[i] = first;
    c->count[i] = count;
  }
}

INLINE uint8_t clip(int32_t value) {
  value >>= PRECISION;
  return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

typedef uint8_t bytes16 __attribute__((vector_size(16), aligned(1)));

// 16 x 16 bytes, rows to columns: four times every vector is interleaved with the one eight further on.
INLINE void transpose(const uint8_t *from, size_t from_stride, uint8_t *to, size_t to_stride) {
  bytes16 a[16], b[16];
  for (int i = 0; i < 16; i++) a[i] = *(const bytes16 *)(from + (size_t)i * from_stride);
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 8; i++) {
      b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      b[2 * i + 1] =
          __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < 16; i++) a[i] = b[i];
  }
  for (int i = 0; i < 16; i++) *(bytes16 *)(to + (size_t)i * to_stride) = a[i];
}

// Along rows, 16 rows at a time: column by column these are 48 numbers that take the same weights.
// `columns` has room for (width * 3 rounded up to 16) * 16 bytes, `narrow` likewise for out_width.
CLONED static void resize_rows(
    const uint8_t *pixels, size_t width, size_t height, size_t stride, uint8_t *out, size_t out_width,
    const coefficients *c, uint8_t *columns, uint8_t *narrow) {
  size_t in_bytes = width * 3, out_bytes = out_width * 3;
  for (size_t y = 0; y < height; y += LANES) {
    size_t rows = height - y < LANES ? height - y : LANES;
    const uint8_t *from = pixels + y * stride;
    size_t x = 0;
    if (rows == LANES) {
      for (; x + 16 <= in_bytes; x += 16) transpose(from + x, stride, columns + x * LANES, LANES);
    }
    for (; x < in_bytes; x++) {
      for (size_t r = 0; r < rows; r++) columns[x * LANES + r] = from[r * stride + x];
    }
    for (size_t i = 0; i < out_width; i++) {
      int32_t sums[3 * LANES];
      for (int l = 0; l < 3 * LANES; l++) sums[l] = 1 << (PRECISION - 1);
      const uint8_t *source = columns + (size_t)c->first[i] * 3 * LANES;
      const int32_t *weights = c->weights + i * c->taps;
      for (int32_t tap = 0; tap < c->count[i]; tap++, source += 3 * LANES) {
        int32_t w = weights[tap];
        for (int l = 0; l < 3 * LANES; l++) sums[l] += w * source[l];
      }
      uint8_t *target = narrow + i * 3 * LANES;
      for (int l = 0; l < 3 * LANES; l++) target[l] = clip(sums[l]);
    }
    uint8_t *to = out + y * out_bytes;
    x = 0;
    if (rows == LANES) {
      for (; x + 16 <= out_bytes; x += 16) transpose(narrow + x * LANES, LANES, to + x, out_bytes);
    }
    for (; x < out_bytes; x++) {
      for (size_t r = 0; r < rows; r++) to[r * out_bytes + x] = narrow[x * LANES + r];
    }
  }
}

// Along columns: every byte of a row takes the same weights.
CLONED static void resize_columns(
    const uint8_t *pixels, size_t row_bytes, size_t stride, size_t first_row, uint8_t *out, size_t out_height,
    const coefficients *c) {
  enum { WIDE = 64 };
  for (size_t i = 0; i < out_height; i++) {
    const uint8_t *source = pixels + ((size_t)c->first[i] - first_row) * stride;
    const int32_t *weights = c->weights + i * c->taps;
    int32_t count = c->count[i];
    uint8_t *target = out + i * row_bytes;
    size_t x = 0;
    for (; x + WIDE <= row_bytes; x += WIDE) {
      int32_t sums[WIDE];
      for (int l = 0; l < WIDE; l++) sums[l] = 1 << (PRECISION - 1);
      const uint8_t *from = source + x;
      for (int32_t tap = 0; tap < count; tap++, from += stride) {
        int32_t w = weights[tap];
        for (int l = 0; l < WIDE; l++) sums[l] += w * from[l];
      }
      for (int l = 0; l < WIDE; l++) target[x + (size_t)l] = clip(sums[l]);
    }
    for (; x < row_bytes; x++) {
      int32_t sum = 1 << (PRECISION - 1);
      for (int32_t tap = 0; tap < count; tap++) sum += weights[tap] * source[(size_t)tap * stride + x];
      target[x] = clip(sum);
    }
  }
}

static int allocate(coefficients *c, size_t out, size_t taps, int32_t *at) {
  c->taps = taps;
  c->first = at;
  c->count = at + out;
  c->weights = at + 2 * out;
  return 0;
}

int cimages_resize(
    const uint8_t *pixels, size_t width, size_t height, size_t stride, const float box[4], uint8_t *out,
    size_t out_width, size_t out_height, cimages_filter filter, cimages_workspace *workspace) {
  int across = out_width != width || box[0] != 0 || box[2] != (float)width;
  int down = out_height != height || box[1] != 0 || box[3] != (float)height;
  if (!across && !down) {
    for (size_t y = 0; y < height; y++) memcpy(out + y * width * 3, pixels + y * stride, width * 3);
    return 0;
  }
  size_t x_taps = taps_of(box[0], box[2], out_width, filter), y_taps = taps_of(box[1], box[3], out_height, filter);
  size_t numbers = out_width * (2 + x_taps) + out_height * (2 + y_taps);
  size_t most = x_taps > y_taps ? x_taps : y_taps;
  double *row = cimages_room(workspace, 0, most * sizeof(double) + numbers * sizeof(int32_t));
  if (!row) return 1;
  int32_t *tables = (int32_t *)(row + most);
  coefficients x, y;
  allocate(&x, out_width, x_taps, tables);
  allocate(&y, out_height, y_taps, tables + out_width * (2 + x_taps));
  prepare(&x, width, box[0], box[2], out_width, filter, row);
  prepare(&y, height, box[1], box[3], out_height, filter, row);

  const uint8_t *source = pixels;
  size_t source_stride = stride, first = 0;
  if (across) {
    // Only the rows that the columns' pass looks at.
    size_t last = height;
    if (down) {
      first = (size_t)y.first[0];
      last = (size_t)(y.first[out_height - 1] + y.count[out_height - 1]);
    }
    uint8_t *middle = out;
    if (down && !(middle = cimages_room(workspace, 1, (last - first) * out_width * 3))) return 1;
    size_t columns = (width * 3 + 15) * LANES, narrow = (out_width * 3 + 15) * LANES;
    uint8_t *strips = cimages_room(workspace, 2, columns + narrow);
    if (!strips) return 1;
    resize_rows(
        pixels + first * stride, width, last - first, stride, middle, out_width, &x, strips, strips + columns);
    source = middle;
    source_stride = out_width * 3;
  }
  if (down) resize_columns(source, out_width * 3, source_stride, first, out, out_height, &y);
  return 0;
}
