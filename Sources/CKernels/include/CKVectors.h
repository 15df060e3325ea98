// Short vectors of doubles in the first-level cache: what merge methods are made of. Same rules as CKernels.h, which
// includes this file: one version per instruction set, the same bytes from all of them.
#ifndef SOUP_CKVECTORS_H
#define SOUP_CKVECTORS_H

/// x = n stored elements, exact but for large int64 values.
void ck_load(ck_level level, ck_dtype dtype, const void *source, double *x, size_t n);
/// target = x * scale, rounded once. Returns how many results were NaN, infinite, or too large for the target.
size_t ck_store(ck_level level, ck_dtype dtype, const double *x, double scale, void *target, size_t n);

/// x = x - base, rounded to float if `single`.
void ck_subtract(ck_level level, double *x, const double *base, int single, size_t n);
/// sum += weight * x
void ck_add_scaled(ck_level level, double *sum, const double *x, double weight, size_t n);
/// sum += weight * x * y
void ck_add_products(ck_level level, double *sum, const double *x, const double *y, double weight, size_t n);
/// x = x / y where |y| > smallest, else the fallback's element.
void ck_divide(ck_level level, double *x, const double *y, double smallest, const double *fallback, size_t n);
/// The dot product of x and y, summed in eight lanes.
double ck_dot(ck_level level, const double *x, const double *y, size_t n);
/// The dot product of n stored floating-point elements and a vector of floats, in double; float sources in 32 lanes.
double ck_dot_stored(ck_level level, ck_dtype dtype, const void *source, const float *y, size_t n);
/// The sum of |x|, in eight lanes.
double ck_sum_magnitudes(ck_level level, const double *x, size_t n);

/// x = 0 where |key| is below `low` or above `high`; NaN stays.
void ck_keep_between(ck_level level, double *x, const double *key, double low, double high, size_t n);
/// x = 0 where the mask is 0.
void ck_keep_masked(ck_level level, double *x, const double *mask, size_t n);
/// Keeps an element with its own probability: where words[i] * 2^-32 < probabilities[i]; if `rescale`, it is then
/// divided by that probability.
void ck_keep_random(ck_level level, double *x, const uint32_t *words, const double *probabilities, int rescale,
                    size_t n);
/// Words `start ..< start + n` of the Philox4x32-10 stream with this key, four words for each counter.
void ck_philox(ck_level level, uint32_t key0, uint32_t key1, uint64_t start, uint32_t *words, size_t n);

/// Adds d = weight * x to `up` and the weight to `up_weight` where d > 0; to `down` and `down_weight` where d < 0.
/// NaN goes to both sums.
void ck_vote(ck_level level, const double *x, double weight, double *up, double *down, double *up_weight,
             double *down_weight, size_t n);
/// Ends a vote: up and up_weight become those of the winning side, which is down where total < 0.
void ck_elect(ck_level level, const double *total, double *up, const double *down, double *up_weight,
              const double *down_weight, size_t n);

/// One step of Welford's variance: x is the k-th value (from 1); variance = squares / k.
void ck_spread(ck_level level, double *mean, double *squares, const double *x, double k, size_t n);
/// Sorts, at every position, the `count` values that the columns have there; NaN counts as largest.
void ck_sort_columns(ck_level level, double *const *columns, size_t count, size_t n);
/// a moves towards b: to b where they are less than t apart, else by a share t / |a - b|.
void ck_near_swap(ck_level level, double *a, const double *b, double t, size_t n);

/// Histogram of magnitudes: with key = the bits of |x| as float (`single`) or double, counts[(key - low) >> shift]
/// for every key in low ..< low + (bins << shift).
void ck_count_magnitudes(ck_level level, const double *x, int single, uint64_t low, unsigned shift, size_t bins,
                         uint32_t *counts, size_t n);
/// probabilities[i] = first + step * (how many of the n magnitudes come before |x[i]|, ties in order).
/// `scratch` has room for 4 * n numbers.
void ck_rank_magnitudes(const double *x, double first, double step, double *probabilities, uint32_t *scratch,
                        size_t n);

#endif
