#include <float.h>
#include <math.h>

#include "small_floats.h"

#define CK_LOOPS "weighted_sum_loops.h"
#include "instances.h"

// Elements per step: the sums stay in the first-level cache while every source passes over them.
enum { STEP = 1024 };

size_t ck_weighted_sum(ck_level level, size_t count, const void *const *sources, const ck_dtype *dtypes,
                    const double *weights, double divisor, void *target, ck_dtype target_dtype, size_t n) {
  double sum[STEP], low[STEP], wide[STEP];
  size_t bad = 0;
  int wants_compensation = 0;
  for (size_t k = 0; k < count; k++) wants_compensation |= dtypes[k] == CK_F64;
  if (count == 0)
    for (size_t i = 0; i < STEP; i++) sum[i] = low[i] = 0;

  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP;
    for (size_t k = 0; k < count; k++) {
      const char *source = (const char *)sources[k] + start * ck_size[dtypes[k]];
      if (wants_compensation) {
        ck_to_f64(dtypes[k], source, wide, m);
        CK_PICK(level, add_compensated)(sum, low, wide, weights[k], m, k == 0);
      } else {
        CK_PICK(level, add)(dtypes[k], sum, source, weights[k], m, k == 0);
      }
    }
    double scale = 1 / divisor;
    if (wants_compensation) {
      CK_PICK(level, finish_compensated)(sum, low, divisor, m);
      scale = 1;
    }
    bad += CK_PICK(level, store)(target_dtype, sum, (char *)target + start * ck_size[target_dtype], scale, m);
  }
  return bad;
}

size_t ck_store(ck_level level, ck_dtype dtype, const double *x, double scale, void *target, size_t n) {
  return CK_PICK(level, store)(dtype, x, target, scale, n);
}
