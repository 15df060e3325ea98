#include <string.h>

#define CK_LOOPS "gram_loops.h"
#include "instances.h"

void ck_add_row_products(ck_level level, const float *tile, size_t count, size_t stride, size_t n, double *sums) {
  CK_PICK(level, row_products)(tile, count, stride, n, sums);
}

double ck_squared_distance(ck_level level, const float *x, const float *y, size_t n) {
  return CK_PICK(level, squared_distance)(x, y, n);
}

void ck_mean_of_rows(ck_level level, const float *rows, size_t count, size_t stride, float *mean, size_t n) {
  CK_PICK(level, mean_of_rows)(rows, count, stride, mean, n);
}

void ck_subtract_f32(ck_level level, const float *x, const float *reference, float *d, size_t n) {
  CK_PICK(level, subtract_f32)(x, reference, d, n);
}

int ck_is_finite(ck_level level, const float *x, size_t n) { return CK_PICK(level, is_finite)(x, n); }

void ck_sign_planes(ck_level level, const float *x, uint64_t *negative, uint64_t *nonzero, size_t n) {
  CK_PICK(level, sign_planes)(x, negative, nonzero, n);
}

void ck_add_sign_counts(ck_level level, const uint64_t *negative, const uint64_t *nonzero, size_t count, size_t stride,
                        size_t words, uint64_t *both, uint64_t *apart) {
  CK_PICK(level, sign_counts)(negative, nonzero, count, stride, words, both, apart);
}
