#include "clones.h"

enum { LANES = 8, BLOCK = 8 * LANES };

// Eight counters, each word in the lower half of 64 bits, where it can be multiplied.
typedef uint64_t word8 __attribute__((vector_size(64)));

// Words of sixteen consecutive counters, two vectors of them side by side as multiplications wait for each other.
CI_INLINE void blocks(uint64_t key, uint64_t counter, uint32_t *restrict out) {
  const uint64_t low = 0xffffffff;
  word8 a[2], b[2], c[2], d[2];
  for (int h = 0; h < 2; h++) {
    word8 i = (word8){0, 1, 2, 3, 4, 5, 6, 7} + (counter + (uint64_t)(h * LANES));
    a[h] = i & low;
    b[h] = i >> 32;
    c[h] = d[h] = (word8){0};
  }
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    for (int h = 0; h < 2; h++) {
      word8 x = a[h] * 0xd2511f53, y = c[h] * 0xcd9e8d57;
      a[h] = (y >> 32) ^ b[h] ^ (uint64_t)k0;
      c[h] = (x >> 32) ^ d[h] ^ (uint64_t)k1;
      b[h] = y & low;
      d[h] = x & low;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  for (int h = 0; h < 2; h++) {
    word8 front = a[h] | b[h] << 32, back = c[h] | d[h] << 32;
    word8 first = __builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11);
    word8 second = __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15);
    memcpy(out + h * 4 * LANES, &first, sizeof first);
    memcpy(out + h * 4 * LANES + 2 * LANES, &second, sizeof second);
  }
}

// Runs STATEMENTS for every block of BLOCK words `w`, of which the first `m` are wanted, from place `i` on.
#define FOR_BLOCKS(STATEMENTS)                                                       \
  for (size_t i = 0; i < n; i += BLOCK) {                                            \
    uint32_t w[BLOCK];                                                               \
    blocks(key, (first + i) / 4, w);                                                 \
    STATEMENTS                                                                       \
    if (n - i >= BLOCK) memcpy(out + i, v, sizeof v);                                \
    else memcpy(out + i, v, (n - i) * sizeof v[0]);                                  \
  }

CI_CLONES void ci_words(uint64_t key, uint64_t first, uint32_t *out, size_t n) {
  FOR_BLOCKS(uint32_t v[BLOCK]; memcpy(v, w, sizeof v);)
}

CI_CLONES void ci_uniforms(uint64_t key, uint64_t first, float low, float range, float *out, size_t n) {
  range *= 0x1p-24f;
  FOR_BLOCKS(float v[BLOCK]; for (int j = 0; j < BLOCK; j++) v[j] = low + range * (float)(int32_t)(w[j] >> 8);)
}

CI_CLONES void ci_integers(uint64_t key, uint64_t first, uint32_t bound, uint16_t *out, size_t n) {
  FOR_BLOCKS(uint16_t v[BLOCK];
             for (int j = 0; j < BLOCK; j++) v[j] = (uint16_t)(((uint64_t)w[j] * bound) >> 32);)
}

// log(x) for normal x > 0, to about one unit in the last place (Cephes' polynomial).
CI_INLINE float log_of(float x) {
  int32_t bits;
  memcpy(&bits, &x, 4);
  bits -= 0x3f3504f3;
  float e = (float)(bits >> 23);
  bits = (bits & 0x7fffff) + 0x3f3504f3;
  float m;
  memcpy(&m, &bits, 4);
  m -= 1;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float z = m * m;
  float y = p * m * z - 2.12194440e-4f * e - 0.5f * z;
  return m + y + 0.693359375f * e;
}

CI_CLONES void ci_normals(uint64_t key, uint64_t first, float mean, float deviation, float *out, size_t n) {
  FOR_BLOCKS(
      float v[BLOCK];
      for (int j = 0; j < BLOCK / 2; j++) {
        float u = ((float)(int32_t)(w[2 * j] >> 8) + 0.5f) * 0x1p-24f;
        float radius = deviation * sqrtf(-2 * log_of(u));
        // A turn in quarters: the nearest quarter and what is left, in [-1/2, 1/2] quarters.
        float turn = (float)(int32_t)(w[2 * j + 1] >> 8) * 0x1p-22f;
        int32_t quarter = (int32_t)(turn + 0.5f);
        float x = (turn - (float)quarter) * 1.57079632679f;
        float z = x * x;
        float s = x + x * z * ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f);
        float c = 1 - 0.5f * z + z * z * ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z +
                                          4.166664568298827e-2f);
        float sine = quarter & 1 ? c : s;
        float cosine = quarter & 1 ? s : c;
        sine = quarter & 2 ? -sine : sine;
        cosine = (quarter + 1) & 2 ? -cosine : cosine;
        v[2 * j] = mean + radius * cosine;
        v[2 * j + 1] = mean + radius * sine;
      })
}
