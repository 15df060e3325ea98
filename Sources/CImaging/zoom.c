#include "clones.h"

// Which cells of a crop of `inner` cells an output cell shows: at place `low` with weight 1 - share, at low + 1 with share.
typedef struct {
  int32_t low;
  float share;
} place;

// Places for `size` outputs in the middle of round(inner * factor), with SciPy's convention that first and last samples of
// crop and enlargement coincide.
static void places(place *out, size_t size, size_t inner, double factor) {
  size_t large = (size_t)nearbyint((double)inner * factor);
  size_t trim = large > size ? (large - size) / 2 : 0;
  double step = large > 1 ? (double)(inner - 1) / (double)(large - 1) : 0;
  for (size_t i = 0; i < size; i++) {
    double at = (double)(i + trim) * step;
    int32_t low = (int32_t)at;
    if (low > (int32_t)inner - 2) low = inner > 1 ? (int32_t)inner - 2 : 0;
    out[i].low = low;
    out[i].share = inner > 1 ? (float)(at - low) : 0;
  }
}

static size_t inner_size(size_t size, double factor) { return (size_t)ceil((double)size / factor); }

CI_CLONES static void zoom_row(const ci_float4 *restrict row, const place *restrict columns, ci_float4 *restrict out,
                               size_t width, ptrdiff_t next) {
  for (size_t x = 0; x < width; x++) {
    const ci_float4 *p = row + columns[x].low;
    ci_float4 a = p[0];
    out[x] = a + columns[x].share * (p[next] - a);
  }
}

CI_CLONES static void mix_rows(const float *restrict a, const float *restrict b, float share, float *restrict sum,
                               size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += a[i] + share * (b[i] - a[i]);
}

CI_CLONES static void widen(const uint8_t *restrict pixels, float *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    out[4 * i] = pixels[3 * i];
    out[4 * i + 1] = pixels[3 * i + 1];
    out[4 * i + 2] = pixels[3 * i + 2];
    out[4 * i + 3] = 0;
  }
}

CI_CLONES static void narrow(const float *restrict values, float factor, uint8_t *restrict out, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (int c = 0; c < 3; c++) out[3 * i + (size_t)c] = ci_cut(values[4 * i + (size_t)c] * factor + CI_WHOLE);
}

void ci_zoom_blur(uint8_t *pixels, size_t height, size_t width, const double *factors, size_t count) {
  size_t size = height * width;
  ci_float4 *image = aligned_alloc(64, ((2 * size + 2 * width) * sizeof *image + 63) / 64 * 64);
  ci_float4 *sum = image + size;
  ci_float4 *rows = sum + size;
  place *columns = malloc((width + height) * sizeof *columns), *lines = columns + width;
  widen(pixels, (float *)image, size);
  memcpy(sum, image, size * sizeof *image);
  for (size_t f = 0; f < count; f++) {
    size_t inner_height = inner_size(height, factors[f]), inner_width = inner_size(width, factors[f]);
    places(columns, width, inner_width, factors[f]);
    places(lines, height, inner_height, factors[f]);
    const ci_float4 *corner = image + (height - inner_height) / 2 * width + (width - inner_width) / 2;
    ptrdiff_t next = inner_width > 1, below = inner_height > 1;
    int32_t have[2] = {-1, -1};
    for (size_t y = 0; y < height; y++) {
      // Both rows are kept; going down, one of them is usually there already.
      const ci_float4 *pair[2];
      for (int k = 0; k < 2; k++) {
        int32_t line = lines[y].low + (int32_t)(k * below);
        int slot = line & 1;
        if (have[slot] != line) {
          zoom_row(corner + (size_t)line * width, columns, rows + (size_t)slot * width, width, next);
          have[slot] = line;
        }
        pair[k] = rows + (size_t)slot * width;
      }
      mix_rows((const float *)pair[0], (const float *)pair[1], lines[y].share, (float *)(sum + y * width), 4 * width);
    }
  }
  narrow((const float *)sum, 1.0f / (float)(count + 1), pixels, size);
  free(columns);
  free(image);
}

void ci_zoom_plane(float *values, size_t height, size_t width, double factor) {
  size_t inner_height = inner_size(height, factor), inner_width = inner_size(width, factor);
  float *crop = malloc(inner_height * inner_width * sizeof *crop);
  place *columns = malloc((width + height) * sizeof *columns), *lines = columns + width;
  size_t top = (height - inner_height) / 2, left = (width - inner_width) / 2;
  for (size_t y = 0; y < inner_height; y++)
    memcpy(crop + y * inner_width, values + (top + y) * width + left, inner_width * sizeof *crop);
  places(columns, width, inner_width, factor);
  places(lines, height, inner_height, factor);
  size_t next = inner_width > 1, below = inner_height > 1 ? inner_width : 0;
  for (size_t y = 0; y < height; y++) {
    const float *row = crop + (size_t)lines[y].low * inner_width;
    float v = lines[y].share;
    for (size_t x = 0; x < width; x++) {
      const float *p = row + columns[x].low;
      float u = columns[x].share;
      float upper = p[0] + u * (p[next] - p[0]);
      float lower = p[below] + u * (p[below + next] - p[below]);
      values[y * width + x] = upper + v * (lower - upper);
    }
  }
  free(columns);
  free(crop);
}
