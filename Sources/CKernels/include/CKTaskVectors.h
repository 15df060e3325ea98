// Task vectors in Float32, straight from stored elements: what merge methods that trim by magnitude spend their time on.
// No source may be Float64 or an integer. Same rules as CKernels.h, which includes this file.
#ifndef SOUP_CKTASKVECTORS_H
#define SOUP_CKTASKVECTORS_H

/// x = n stored floating-point elements, exact.
void ck_load_f32(ck_level level, ck_dtype dtype, const void *source, float *x, size_t n);
/// delta = n stored elements less those of the base, rounded once.
void ck_differences(ck_level level, ck_dtype dtype, const void *source, const float *base, float *delta, size_t n);
/// keys = the bits of |delta|, which are in the order of the magnitudes; NaN is largest.
void ck_magnitude_keys(ck_level level, const float *delta, uint32_t *keys, size_t n);

/// How many keys lie below a bracket, at its ends and between them.
typedef struct {
  uint32_t below, at_low, between, at_high;
} ck_split_counts;

/// Keys that `ck_split_magnitudes` may write beyond those it returns.
enum { CK_SPLIT_SLACK = 16 };
/// Counts n magnitudes and lists the keys strictly between `low` and `high`; returns how many these are. `between` has
/// room for n + CK_SPLIT_SLACK. Where low = high, elements there count for both ends.
size_t ck_split_magnitudes(ck_level level, const float *delta, uint32_t low, uint32_t high, ck_split_counts *counts,
                           uint32_t *between, size_t n);
/// The key at a place, from 0, in ascending order. Reorders the keys.
uint32_t ck_select_key(uint32_t *keys, size_t n, size_t place);

/// One model's part of a vote.
typedef struct {
  ck_dtype dtype;
  const void *source;
  /// What magnitudes of its difference stay: low to high, both included.
  float low, high;
  /// Of what stays.
  double factor;
  double weight;
} ck_term;

/// target = base + scale * M, where M is the sum of the terms that have the elected sign (`ck_vote`, `ck_elect`); if
/// `normalize`, M is divided by the sum of their weights where that is not 0. Sums run in the order of the terms, in
/// double. Returns how many results were NaN, infinite or too large for the target.
size_t ck_merge_elected(ck_level level, const ck_term *terms, size_t count, ck_dtype base_dtype, const void *base,
                        double scale, int normalize, ck_dtype target_dtype, void *target, size_t n);

/// products += the dot products (i, j), i <= j, in rows, of `count` vectors, each summed in eight lanes in double.
void ck_add_gram(ck_level level, const float *const *vectors, size_t count, double *products, size_t n);

#endif
