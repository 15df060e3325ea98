#include <math.h>

#include "small_floats.h"

#if defined(__x86_64__) && defined(__clang__)
#include <immintrin.h>
#endif

typedef float ck_singles __attribute__((vector_size(32)));
typedef double ck_lanes __attribute__((vector_size(64)));

#define CK_LOOPS "task_vector_loops.h"
#include "instances.h"

void ck_load_f32(ck_level level, ck_dtype dtype, const void *source, float *x, size_t n) {
  CK_PICK(level, load_single)(dtype, source, x, n);
}

void ck_differences(ck_level level, ck_dtype dtype, const void *source, const float *base, float *delta, size_t n) {
  CK_PICK(level, differences)(dtype, source, base, delta, n);
}

void ck_magnitude_keys(ck_level level, const float *delta, uint32_t *keys, size_t n) {
  CK_PICK(level, keys)(delta, keys, n);
}

size_t ck_split_magnitudes(ck_level level, const float *delta, uint32_t low, uint32_t high, ck_split_counts *counts,
                           uint32_t *between, size_t n) {
#ifdef CK_HAS_X86_LEVELS
  if (level == CK_AVX512) return split_wide(delta, low, high, counts, between, n);
#endif
  return CK_PICK(level, split)(delta, low, high, counts, between, n);
}

uint32_t ck_select_key(uint32_t *keys, size_t n, size_t place) {
  enum { BITS = 11, BINS = 1 << BITS };
  // Three rounds of eleven bits, from the top; after each, only the keys of one bin are left.
  for (int shift = 22; n > 1 && shift >= 0; shift -= BITS) {
    size_t counts[BINS] = {0};
    for (size_t i = 0; i < n; i++) counts[(keys[i] >> shift) & (BINS - 1)]++;
    uint32_t bin = 0;
    while (bin < BINS - 1 && place >= counts[bin]) place -= counts[bin++];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
      uint32_t key = keys[i];
      keys[kept] = key;
      kept += ((key >> shift) & (BINS - 1)) == bin;
    }
    n = kept;
  }
  return keys[0];
}

size_t ck_merge_elected(ck_level level, const ck_term *terms, size_t count, ck_dtype base_dtype, const void *base,
                        double scale, int normalize, ck_dtype target_dtype, void *target, size_t n) {
  // All of it in the first-level cache; arrays at distances of 4 KB would be taken for each other there.
  enum { STEP = 512, ROOM = STEP + 8 };
  _Alignas(64) float start_values[STEP];
  _Alignas(64) double up[ROOM];
  _Alignas(64) double down[ROOM];
  _Alignas(64) double up_weight[ROOM];
  _Alignas(64) double down_weight[ROOM];
  size_t bad = 0;
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP;
    CK_PICK(level, load_single)(base_dtype, (const char *)base + start * ck_size[base_dtype], start_values, m);
    for (size_t i = 0; i < m; i++) up[i] = down[i] = up_weight[i] = down_weight[i] = 0;
    for (size_t k = 0; k < count; k++) {
      ck_term term = terms[k];
      term.source = (const char *)term.source + start * ck_size[term.dtype];
      CK_PICK(level, cast_votes)(&term, start_values, up, down, up_weight, down_weight, m);
    }
    CK_PICK(level, end_votes)(start_values, scale, normalize, up, down, up_weight, down_weight, m);
    bad += ck_store(level, target_dtype, up, 1, (char *)target + start * ck_size[target_dtype], m);
  }
  return bad;
}

void ck_add_gram(ck_level level, const float *const *vectors, size_t count, double *products, size_t n) {
  for (size_t row = 0; row < count; row += 4)
    for (size_t column = row; column < count; column += 4) {
      // A tile that reaches beyond the last vector has it several times; those products are passed over.
      const float *x[4], *y[4];
      for (size_t k = 0; k < 4; k++) {
        x[k] = vectors[row + k < count ? row + k : count - 1];
        y[k] = vectors[column + k < count ? column + k : count - 1];
      }
      double tile[16];
      if (row == column)
        CK_PICK(level, gram_triangle)(x, y, tile, n);
      else
        CK_PICK(level, gram_square)(x, y, tile, n);
      for (size_t j = 0; j < 4 && row + j < count; j++)
        for (size_t k = row == column ? j : 0; k < 4 && column + k < count; k++) {
          size_t i = row + j;
          products[i * count - i * (i - 1) / 2 + column + k - i] += tile[4 * j + k];
        }
    }
}
