// Inner products between all rows of a tile: what similarities of many models are made of. Same rules as CKernels.h, which
// includes this file.
#ifndef SOUP_CKGRAM_H
#define SOUP_CKGRAM_H

/// Rows of a tile come in fours, elements in sixteens; what is beyond the data is zero.
enum { CK_GRAM_ROWS = 4, CK_GRAM_LANES = 16 };

/// sums[i * (i + 1) / 2 + j] += the dot product of rows i and j, j <= i, of `count` rows.
///
/// Products are summed in sixteen float lanes, these in a fixed tree, and that is added in double: pass no more than a
/// thousand elements or two at a time. `tile` has `count` rows rounded up to CK_GRAM_ROWS, `stride` floats apart; `n` is a
/// multiple of CK_GRAM_LANES.
void ck_add_row_products(ck_level level, const float *tile, size_t count, size_t stride, size_t n, double *sums);

/// Returns the sum of squared differences, summed in the same way.
double ck_squared_distance(ck_level level, const float *x, const float *y, size_t n);

/// mean = the mean of `count` rows, `stride` floats apart, summed in double.
void ck_mean_of_rows(ck_level level, const float *rows, size_t count, size_t stride, float *mean, size_t n);
/// d = x - reference.
void ck_subtract_f32(ck_level level, const float *x, const float *reference, float *d, size_t n);
/// Whether no element is NaN or infinite.
int ck_is_finite(ck_level level, const float *x, size_t n);

/// Bit i of `negative` and of `nonzero`, 64 a word: what x[i] is. `n` is a multiple of 64.
void ck_sign_planes(ck_level level, const float *x, uint64_t *negative, uint64_t *nonzero, size_t n);
/// For rows j <= i of both planes, at i * (i + 1) / 2 + j: `both` += elements at which neither is zero, `apart` += those of
/// them whose signs differ.
void ck_add_sign_counts(ck_level level, const uint64_t *negative, const uint64_t *nonzero, size_t count, size_t stride,
                        size_t words, uint64_t *both, uint64_t *apart);

#endif
