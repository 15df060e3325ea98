#include "clones.h"

CI_INLINE float largest_of(float a, float b) { return a > b ? a : b; }
CI_INLINE float smallest_of(float a, float b) { return a < b ? a : b; }

// Hue and saturation fixed, red, green and blue are proportional to the value.
CI_CLONES void ci_brightness(uint8_t *restrict pixels, float shift, size_t pixel_count) {
  for (size_t i = 0; i < pixel_count; i++) {
    float r = pixels[3 * i], g = pixels[3 * i + 1], b = pixels[3 * i + 2];
    float value = largest_of(r, largest_of(g, b));
    float target = smallest_of(value + shift, 255) + CI_WHOLE;
    float ratio = target / largest_of(value, 1);
    float black = value > 0 ? 0 : target;
    pixels[3 * i] = ci_cut(r * ratio + black);
    pixels[3 * i + 1] = ci_cut(g * ratio + black);
    pixels[3 * i + 2] = ci_cut(b * ratio + black);
  }
}

// A channel is V - V S k with k = (V - channel) / (V - smallest), which depends on the hue alone. A grey has hue 0, red.
CI_CLONES void ci_saturation(uint8_t *restrict pixels, float factor, float shift, size_t pixel_count) {
  for (size_t i = 0; i < pixel_count; i++) {
    float r = pixels[3 * i], g = pixels[3 * i + 1], b = pixels[3 * i + 2];
    float value = largest_of(r, largest_of(g, b));
    float range = value - smallest_of(r, smallest_of(g, b));
    float saturation = range / largest_of(value, 1) * factor + shift;
    saturation = smallest_of(largest_of(saturation, 0), 1);
    float drop = value * saturation;
    float scale = drop / largest_of(range, 1);
    float grey = range > 0 ? 0 : drop;
    float top = value + CI_WHOLE;
    pixels[3 * i] = ci_cut(top - (value - r) * scale);
    pixels[3 * i + 1] = ci_cut(top - (value - g) * scale - grey);
    pixels[3 * i + 2] = ci_cut(top - (value - b) * scale - grey);
  }
}

CI_CLONES static void channel_sums(const uint8_t *restrict pixels, size_t pixel_count, uint64_t sums[3]) {
  enum { STEP = 48 };
  size_t i = 0, n = 3 * pixel_count;
  uint64_t total[STEP] = {0};
  while (i + STEP <= n) {
    // 65536 bytes fit a 32-bit sum with room to spare.
    uint32_t part[STEP] = {0};
    size_t end = n - i > (size_t)STEP * 65536 ? i + (size_t)STEP * 65536 : n;
    for (; i + STEP <= end; i += STEP)
      for (int j = 0; j < STEP; j++) part[j] += pixels[i + (size_t)j];
    for (int j = 0; j < STEP; j++) total[j] += part[j];
  }
  sums[0] = sums[1] = sums[2] = 0;
  for (int j = 0; j < STEP; j++) sums[j % 3] += total[j];
  for (; i < n; i++) sums[i % 3] += pixels[i];
}

CI_CLONES void ci_contrast(uint8_t *restrict pixels, float factor, size_t pixel_count) {
  enum { STEP = 48 };
  uint64_t sums[3];
  channel_sums(pixels, pixel_count, sums);
  float shift[STEP];
  for (int j = 0; j < STEP; j++)
    shift[j] = (float)((double)sums[j % 3] / (double)pixel_count * (1 - (double)factor)) + CI_WHOLE;
  size_t i = 0, n = 3 * pixel_count;
  for (; i + STEP <= n; i += STEP)
    for (int j = 0; j < STEP; j++) pixels[i + (size_t)j] = ci_cut((float)pixels[i + (size_t)j] * factor + shift[j]);
  for (; i < n; i++) pixels[i] = ci_cut((float)pixels[i] * factor + shift[i % 3]);
}

CI_CLONES void ci_blend(uint8_t *restrict pixels, const uint8_t *restrict other, float a, float b, size_t n) {
  for (size_t i = 0; i < n; i++) pixels[i] = ci_cut(a * (float)pixels[i] + b * (float)other[i] + CI_WHOLE);
}

CI_CLONES void ci_veil(uint8_t *restrict pixels, const float *restrict amount, float factor, size_t pixel_count) {
  for (size_t i = 0; i < pixel_count; i++)
    for (int c = 0; c < 3; c++) {
      size_t k = 3 * i + (size_t)c;
      pixels[k] = ci_cut(((float)pixels[k] + amount[i]) * factor + CI_WHOLE);
    }
}

CI_CLONES void ci_snow(uint8_t *restrict pixels, const float *restrict layer, float keep, size_t pixel_count) {
  for (size_t i = 0; i < pixel_count; i++) {
    float r = pixels[3 * i], g = pixels[3 * i + 1], b = pixels[3 * i + 2];
    float white = (0.299f * r + 0.587f * g + 0.114f * b) * 1.5f + 127.5f;
    float flakes = (float)(int32_t)(layer[i] + 0.5f) + (float)(int32_t)(layer[pixel_count - 1 - i] + 0.5f) + CI_WHOLE;
    pixels[3 * i] = ci_cut(keep * r + (1 - keep) * largest_of(r, white) + flakes);
    pixels[3 * i + 1] = ci_cut(keep * g + (1 - keep) * largest_of(g, white) + flakes);
    pixels[3 * i + 2] = ci_cut(keep * b + (1 - keep) * largest_of(b, white) + flakes);
  }
}

CI_CLONES void ci_cover(uint8_t *restrict pixels, const float *restrict mask, const float *restrict colour, int replace,
                        size_t pixel_count) {
  float red = colour[0], green = colour[1], blue = colour[2], fade = replace ? 1 : 0;
  for (size_t i = 0; i < pixel_count; i++) {
    float m = mask[i], rest = 1 - fade * m;
    pixels[3 * i] = ci_cut((float)pixels[3 * i] * rest + m * red + CI_WHOLE);
    pixels[3 * i + 1] = ci_cut((float)pixels[3 * i + 1] * rest + m * green + CI_WHOLE);
    pixels[3 * i + 2] = ci_cut((float)pixels[3 * i + 2] * rest + m * blue + CI_WHOLE);
  }
}

CI_CLONES uint8_t ci_largest(const uint8_t *pixels, size_t n) {
  uint8_t found = 0;
  for (size_t i = 0; i < n; i++) found = pixels[i] > found ? pixels[i] : found;
  return found;
}

CI_CLONES void ci_threshold(const float *restrict values, float threshold, uint8_t *restrict out, size_t n) {
  for (size_t i = 0; i < n; i++) out[i] = values[i] < threshold ? 0 : ci_cut(values[i] * 255);
}

void ci_crop_scaled(const float *map, size_t size, float factor, float *out, size_t height, size_t width) {
  for (size_t y = 0; y < height; y++)
    for (size_t x = 0; x < width; x++) out[y * width + x] = map[y * size + x] * factor;
}
