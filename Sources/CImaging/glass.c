#include "clones.h"

// Where each draw points, as a distance in pixels.
static void distances(int32_t *table, ptrdiff_t width, int reach) {
  int side = 2 * reach;
  for (int q = 0; q < side * side; q++) table[q] = (int32_t)((q % side - reach) * width + (q / side - reach));
}

void ci_glass(uint8_t *pixels, size_t height, size_t width, unsigned reach, const uint16_t *draws, size_t sweeps,
              uint32_t *restrict work) {
  if (height <= 2 * reach || width <= 2 * reach || reach > 8) return;
  int32_t table[256];
  distances(table, (ptrdiff_t)width, (int)reach);
  size_t count = height * width;
  for (size_t i = 0; i < count; i++)
    work[i] = (uint32_t)pixels[3 * i] | (uint32_t)pixels[3 * i + 1] << 8 | (uint32_t)pixels[3 * i + 2] << 16;
  for (size_t sweep = 0; sweep < sweeps; sweep++)
    for (size_t y = height - reach; y > reach; y--) {
      uint32_t *row = work + y * width;
      for (size_t x = width - reach; x > reach; x--) row[x] = row[(ptrdiff_t)x + table[*draws++]];
    }
  for (size_t i = 0; i < count; i++) {
    pixels[3 * i] = (uint8_t)work[i];
    pixels[3 * i + 1] = (uint8_t)(work[i] >> 8);
    pixels[3 * i + 2] = (uint8_t)(work[i] >> 16);
  }
}
