#include <float.h>
#include <math.h>

#define CK_LOOPS "statistics_loops.h"
#include "instances.h"

enum { STEP = 1024 };

ck_statistics ck_statistics_empty(void) {
  return (ck_statistics){.minimum = INFINITY, .maximum = -INFINITY};
}

void ck_statistics_add(ck_level level, ck_dtype dtype, const void *source, size_t n, ck_statistics *statistics) {
  double values[STEP];
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP, whole = m / 8 * 8;
    ck_to_f64(dtype, (const char *)source + start * ck_size[dtype], values, m);
    CK_PICK(level, add_values)(values, whole, statistics);
    for (size_t i = whole; i < m; i++) {
      double v = values[i];
      if (fabs(v) <= DBL_MAX) {
        statistics->minimum = v < statistics->minimum ? v : statistics->minimum;
        statistics->maximum = v > statistics->maximum ? v : statistics->maximum;
        statistics->sum += v;
        statistics->sum_of_squares += v * v;
        statistics->finite++;
        statistics->zeros += v == 0;
      } else if (v != v) {
        statistics->nans++;
      } else {
        statistics->infinities++;
      }
    }
  }
}
