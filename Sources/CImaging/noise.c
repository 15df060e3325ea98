#include "clones.h"

CI_CLONES void ci_add_noise(uint8_t *restrict pixels, const float *restrict noise, float scale, size_t n) {
  for (size_t i = 0; i < n; i++) pixels[i] = ci_cut((float)pixels[i] + scale * noise[i]);
}

CI_CLONES void ci_multiply_noise(uint8_t *restrict pixels, const float *restrict noise, float scale, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float p = (float)pixels[i];
    pixels[i] = ci_cut(p + p * (scale * noise[i]));
  }
}

CI_CLONES void ci_salt_and_pepper(uint8_t *restrict pixels, const float *restrict uniforms, float fraction, size_t n) {
  float half = fraction / 2;
  for (size_t i = 0; i < n; i++) {
    float u = uniforms[i];
    uint8_t p = pixels[i];
    p = u < fraction ? 0 : p;
    p = u < half ? 255 : p;
    pixels[i] = p;
  }
}

CI_CLONES void ci_replace_by_alias(uint8_t *restrict pixels, const uint32_t *restrict table, unsigned bits,
                                   const uint32_t *restrict words, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint32_t w = words[i];
    uint32_t entry = table[((uint32_t)pixels[i] << bits) + (w >> (32 - bits))];
    uint32_t fraction = (w << bits) >> 16;
    pixels[i] = (uint8_t)(fraction < (entry & 0xffff) ? entry >> 16 : entry >> 24);
  }
}
