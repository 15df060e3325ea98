#include <float.h>
#include <math.h>

#include "small_floats.h"

#define CK_LOOPS "vector_loops.h"
#include "instances.h"

void ck_load(ck_level level, ck_dtype dtype, const void *source, double *x, size_t n) {
  CK_PICK(level, load)(dtype, source, x, n);
}

void ck_subtract(ck_level level, double *x, const double *base, int single, size_t n) {
  CK_PICK(level, subtract)(x, base, single, n);
}

void ck_add_scaled(ck_level level, double *sum, const double *x, double weight, size_t n) {
  CK_PICK(level, add_scaled)(sum, x, weight, n);
}

void ck_add_products(ck_level level, double *sum, const double *x, const double *y, double weight, size_t n) {
  CK_PICK(level, add_products)(sum, x, y, weight, n);
}

void ck_divide(ck_level level, double *x, const double *y, double smallest, const double *fallback, size_t n) {
  CK_PICK(level, divide)(x, y, smallest, fallback, n);
}

double ck_dot(ck_level level, const double *x, const double *y, size_t n) { return CK_PICK(level, dot)(x, y, n); }

double ck_dot_stored(ck_level level, ck_dtype dtype, const void *source, const float *y, size_t n) {
  if (dtype == CK_F32) return CK_PICK(level, dot_f32)(source, y, n);
  enum { STEP = 512 };
  double a[STEP], b[STEP], sum = 0;
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP;
    CK_PICK(level, load)(dtype, (const char *)source + start * ck_size[dtype], a, m);
    CK_PICK(level, load)(CK_F32, y + start, b, m);
    sum += CK_PICK(level, dot)(a, b, m);
  }
  return sum;
}

double ck_sum_magnitudes(ck_level level, const double *x, size_t n) {
  return CK_PICK(level, sum_magnitudes)(x, n);
}

void ck_keep_between(ck_level level, double *x, const double *key, double low, double high, size_t n) {
  if (x == key)
    CK_PICK(level, keep_magnitudes)(x, low, high, n);
  else
    CK_PICK(level, keep_between)(x, key, low, high, n);
}

void ck_keep_masked(ck_level level, double *x, const double *mask, size_t n) {
  CK_PICK(level, keep_masked)(x, mask, n);
}

void ck_keep_random(ck_level level, double *x, const uint32_t *words, const double *probabilities, int rescale,
                    size_t n) {
  CK_PICK(level, keep_random)(x, words, probabilities, rescale, n);
}

void ck_vote(ck_level level, const double *x, double weight, double *up, double *down, double *up_weight,
             double *down_weight, size_t n) {
  CK_PICK(level, vote)(x, weight, up, down, up_weight, down_weight, n);
}

void ck_elect(ck_level level, const double *total, double *up, const double *down, double *up_weight,
              const double *down_weight, size_t n) {
  CK_PICK(level, elect)(total, up, down, up_weight, down_weight, n);
}

void ck_spread(ck_level level, double *mean, double *squares, const double *x, double k, size_t n) {
  CK_PICK(level, spread)(mean, squares, x, k, n);
}

void ck_sort_columns(ck_level level, double *const *columns, size_t count, size_t n) {
  // Odd-even transposition: as many rounds as columns, each of them compare-and-swap of neighbours.
  for (size_t round = 0; round < count; round++)
    for (size_t k = round & 1; k + 1 < count; k += 2) CK_PICK(level, order)(columns[k], columns[k + 1], n);
}

void ck_near_swap(ck_level level, double *a, const double *b, double t, size_t n) {
  CK_PICK(level, near_swap)(a, b, t, n);
}

void ck_count_magnitudes(ck_level level, const double *x, int single, uint64_t low, unsigned shift, size_t bins,
                         uint32_t *counts, size_t n) {
  enum { STEP = 256 };
  uint64_t keys[STEP];
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP;
    CK_PICK(level, magnitude_bins)(x + start, single, low, shift, keys, m);
    // Keys below `low` have wrapped around and are as large as those above the range.
    for (size_t i = 0; i < m; i++)
      if (keys[i] < bins) counts[keys[i]]++;
  }
}

void ck_philox(ck_level level, uint32_t key0, uint32_t key1, uint64_t start, uint32_t *words, size_t n) {
  enum { BLOCKS = 64 };
  uint32_t lanes[4 * BLOCKS];
  size_t done = 0;
  while (done < n) {
    uint64_t first = (start + done) / 4;
    size_t skip = (start + done) % 4;
    CK_PICK(level, philox)(key0, key1, first, lanes, BLOCKS);
    size_t available = 4 * BLOCKS - skip, wanted = n - done < available ? n - done : available;
    memcpy(words + done, lanes + skip, wanted * sizeof *words);
    done += wanted;
  }
}

void ck_rank_magnitudes(const double *x, double first, double step, double *probabilities, uint32_t *scratch,
                        size_t n) {
  // Least significant digit first, three digits of 11 bits: stable, so that ties stay in order.
  uint32_t *keys = scratch, *order = scratch + n, *next_keys = scratch + 2 * n, *next_order = scratch + 3 * n;
  for (size_t i = 0; i < n; i++) {
    keys[i] = ck_bits((float)x[i]) & 0x7fffffffu;
    order[i] = (uint32_t)i;
  }
  for (unsigned shift = 0; shift < 33; shift += 11) {
    size_t starts[2048] = {0}, total = 0;
    for (size_t i = 0; i < n; i++) starts[(keys[i] >> shift) & 2047u]++;
    for (size_t d = 0; d < 2048; d++) {
      size_t count = starts[d];
      starts[d] = total;
      total += count;
    }
    for (size_t i = 0; i < n; i++) {
      size_t place = starts[(keys[i] >> shift) & 2047u]++;
      next_keys[place] = keys[i];
      next_order[place] = order[i];
    }
    uint32_t *swap = keys;
    keys = next_keys, next_keys = swap;
    swap = order, order = next_order, next_order = swap;
  }
  for (size_t rank = 0; rank < n; rank++) probabilities[order[rank]] = first + step * (double)rank;
}
