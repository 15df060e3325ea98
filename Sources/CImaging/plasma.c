#include "clones.h"

// Centres of squares, then middles of horizontal and of vertical sides, each row after row: the order of the draws.
static void level(float *map, size_t size, size_t step, float scale, const float *uniforms) {
  size_t half = step / 2, mask = size - 1;
  for (size_t y = 0; y < size; y += step) {
    const float *upper = map + y * size, *lower = map + ((y + step) & mask) * size;
    float *to = map + (y + half) * size + half;
    for (size_t x = 0; x < size; x += step) {
      size_t right = (x + step) & mask;
      to[x] = (upper[x] + lower[x] + upper[right] + lower[right]) * 0.25f + scale * *uniforms++;
    }
  }
  for (size_t y = 0; y < size; y += step) {
    const float *above = map + ((y + size - half) & mask) * size + half, *below = map + (y + half) * size + half;
    float *row = map + y * size;
    for (size_t x = 0; x < size; x += step)
      row[x + half] = (above[x] + below[x] + row[x] + row[(x + step) & mask]) * 0.25f + scale * *uniforms++;
  }
  for (size_t y = 0; y < size; y += step) {
    float *row = map + (y + half) * size;
    const float *above = map + y * size, *below = map + ((y + step) & mask) * size;
    for (size_t x = 0; x < size; x += step)
      row[x] = (row[(x + size - half) & mask] + row[x + half] + above[x] + below[x]) * 0.25f + scale * *uniforms++;
  }
}

CI_CLONES static void normalise(float *map, size_t n) {
  enum { LANES = 16 };
  float low[LANES], high[LANES];
  for (int j = 0; j < LANES; j++) low[j] = high[j] = map[0];
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) {
      float v = map[i + (size_t)j];
      low[j] = v < low[j] ? v : low[j];
      high[j] = v > high[j] ? v : high[j];
    }
  for (; i < n; i++) {
    low[0] = map[i] < low[0] ? map[i] : low[0];
    high[0] = map[i] > high[0] ? map[i] : high[0];
  }
  float least = low[0], most = high[0];
  for (int j = 1; j < LANES; j++) {
    least = low[j] < least ? low[j] : least;
    most = high[j] > most ? high[j] : most;
  }
  float scale = most > least ? 1 / (most - least) : 0;
  for (size_t k = 0; k < n; k++) map[k] = (map[k] - least) * scale;
}

void ci_plasma(float *map, size_t size, double decay, const float *uniforms) {
  map[0] = 0;
  double wibble = 100;
  for (size_t step = size; step > 1; step /= 2) {
    level(map, size, step, (float)(wibble * wibble), uniforms);
    size_t n = size / step;
    uniforms += 3 * n * n;
    wibble /= decay;
  }
  normalise(map, size * size);
}
