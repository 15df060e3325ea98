#include <float.h>
#include <math.h>

#define CK_LOOPS "conversion_loops.h"
#include "instances.h"

enum { STEP = 1024 };

void ck_convert(ck_level level, ck_dtype source_dtype, const void *source, ck_dtype target_dtype, void *target, size_t n,
                ck_losses *losses) {
  double x[STEP], y[STEP];
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP, not_finite = 0;
    char *part = (char *)target + start * ck_size[target_dtype];
    ck_load(level, source_dtype, (const char *)source + start * ck_size[source_dtype], x, m);
    size_t beyond = ck_store(level, target_dtype, x, 1, part, m);
    ck_load(level, target_dtype, part, y, m);
    CK_PICK(level, count_losses)(x, y, m, losses, &not_finite);
    losses->overflowed += beyond - not_finite;
  }
}
