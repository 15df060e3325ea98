#include "clones.h"

// Sobel derivatives, the border repeated; magnitudes get a frame of zeros.
static void derivatives(const uint8_t *plane, size_t height, size_t width, int16_t *dx, int16_t *dy, int32_t *size) {
  size_t stride = width + 2;
  for (size_t y = 0; y < height; y++) {
    const uint8_t *row = plane + y * width;
    const uint8_t *up = y > 0 ? row - width : row, *down = y + 1 < height ? row + width : row;
    int32_t *to = size + (y + 1) * stride + 1;
    for (size_t x = 0; x < width; x++) {
      size_t l = x > 0 ? x - 1 : x, r = x + 1 < width ? x + 1 : x;
      int gx = up[r] - up[l] + 2 * (row[r] - row[l]) + down[r] - down[l];
      int gy = down[l] - up[l] + 2 * (down[x] - up[x]) + down[r] - up[r];
      dx[y * width + x] = (int16_t)gx;
      dy[y * width + x] = (int16_t)gy;
      to[x] = abs(gx) + abs(gy);
    }
  }
}

// Whether a magnitude is the largest across its edge; directions are split at 22.5 and 67.5 degrees.
static int is_ridge(const int32_t *m, ptrdiff_t stride, int gx, int gy) {
  int64_t x = abs(gx), y = (int64_t)abs(gy) << 15, shallow = x * 13573;
  if (y < shallow) return m[0] > m[-1] && m[0] >= m[1];
  if (y > shallow + (x << 16)) return m[0] > m[-stride] && m[0] >= m[stride];
  ptrdiff_t side = (gx ^ gy) < 0 ? -1 : 1;
  return m[0] > m[-stride - side] && m[0] > m[stride + side];
}

void ci_canny(const uint8_t *plane, size_t height, size_t width, int low, int high, uint8_t *edges, int32_t *work) {
  size_t stride = width + 2, framed = (height + 2) * stride;
  int32_t *size = work;
  int16_t *dx = (int16_t *)(work + framed), *dy = dx + height * width;
  int32_t *stack = work + 2 * framed, top = 0;
  memset(size, 0, framed * sizeof *size);
  derivatives(plane, height, width, dx, dy, size);
  // 1: may belong to an edge, 255: does.
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) {
      size_t i = y * width + x;
      const int32_t *m = size + (y + 1) * stride + x + 1;
      edges[i] = 0;
      if (*m <= low || !is_ridge(m, (ptrdiff_t)stride, dx[i], dy[i])) continue;
      edges[i] = *m > high ? 255 : 1;
      if (*m > high) stack[top++] = (int32_t)i;
    }
  while (top > 0) {
    int32_t i = stack[--top], y = i / (int32_t)width, x = i % (int32_t)width;
    for (int32_t v = y - 1; v <= y + 1; v++)
      for (int32_t u = x - 1; u <= x + 1; u++) {
        if (v < 0 || u < 0 || v >= (int32_t)height || u >= (int32_t)width) continue;
        int32_t k = v * (int32_t)width + u;
        if (edges[k] != 1) continue;
        edges[k] = 255;
        stack[top++] = k;
      }
  }
  for (size_t i = 0; i < height * width; i++) edges[i] = edges[i] == 255 ? 255 : 0;
}

void ci_edge_distance(const uint8_t *edges, size_t height, size_t width, float *distance, uint32_t *work) {
  const uint32_t straight = 65536, diagonal = 91750, knight = 143976, far = UINT32_MAX >> 2;
  ptrdiff_t s = (ptrdiff_t)width + 4;
  for (ptrdiff_t i = 0; i < s * ((ptrdiff_t)height + 4); i++) work[i] = far;
#define NEAR(OFFSET, COST)                                  \
  do {                                                      \
    uint32_t other = p[OFFSET] + (COST);                    \
    best = other < best ? other : best;                     \
  } while (0)
  for (size_t y = 0; y < height; y++) {
    uint32_t *p = work + ((ptrdiff_t)y + 2) * s + 2;
    for (size_t x = 0; x < width; x++, p++) {
      uint32_t best = far;
      if (edges[y * width + x]) best = 0;
      else {
        NEAR(-2 * s - 1, knight);
        NEAR(-2 * s + 1, knight);
        NEAR(-s - 2, knight);
        NEAR(-s - 1, diagonal);
        NEAR(-s, straight);
        NEAR(-s + 1, diagonal);
        NEAR(-s + 2, knight);
        NEAR(-1, straight);
      }
      *p = best;
    }
  }
  for (size_t y = height; y-- > 0;) {
    uint32_t *p = work + ((ptrdiff_t)y + 2) * s + 2 + (ptrdiff_t)width - 1;
    for (size_t x = width; x-- > 0; p--) {
      uint32_t best = *p;
      if (best > straight) {
        NEAR(2 * s + 1, knight);
        NEAR(2 * s - 1, knight);
        NEAR(s + 2, knight);
        NEAR(s + 1, diagonal);
        NEAR(s, straight);
        NEAR(s - 1, diagonal);
        NEAR(s - 2, knight);
        NEAR(1, straight);
        *p = best;
      }
      distance[y * width + x] = (float)best * (1.0f / 65536);
    }
  }
#undef NEAR
}

void ci_equalize(uint8_t *plane, size_t n) {
  size_t histogram[256] = {0};
  for (size_t i = 0; i < n; i++) histogram[plane[i]]++;
  int first = 0;
  while (first < 255 && histogram[first] == 0) first++;
  if (histogram[first] == n) return;
  uint8_t table[256] = {0};
  float scale = 255.0f / (float)(n - histogram[first]);
  size_t sum = 0;
  for (int v = first + 1; v < 256; v++) {
    sum += histogram[v];
    float level = nearbyintf((float)sum * scale);
    table[v] = (uint8_t)(level > 255 ? 255 : level);
  }
  for (size_t i = 0; i < n; i++) plane[i] = table[plane[i]];
}
