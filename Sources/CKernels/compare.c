#include <float.h>
#include <math.h>
#include <string.h>

#define CK_LOOPS "compare_loops.h"
#include "instances.h"

enum { STEP = 1024 };

void ck_compare(ck_level level, ck_dtype a_dtype, const void *a, ck_dtype b_dtype, const void *b, ck_dtype base_dtype,
                const void *base, size_t n, ck_comparison *comparison) {
  double x[STEP], y[STEP], z[STEP];
  memset(z, 0, sizeof z);
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP, padded = (m + 7) / 8 * 8;
    ck_to_f64(a_dtype, (const char *)a + start * ck_size[a_dtype], x, m);
    ck_to_f64(b_dtype, (const char *)b + start * ck_size[b_dtype], y, m);
    if (base) ck_to_f64(base_dtype, (const char *)base + start * ck_size[base_dtype], z, m);
    // Zeros add nothing to any sum.
    for (size_t i = m; i < padded; i++) x[i] = y[i] = z[i] = 0;
    double largest = CK_PICK(level, compare_values)(x, y, z, padded, comparison);
    if (base) CK_PICK(level, compare_tasks)(x, y, z, padded, comparison);
    if (largest > comparison->largest) {
      comparison->largest = largest;
      for (size_t i = 0; i < m; i++)
        if (fabs(y[i] - x[i]) == largest) {
          comparison->largest_at = comparison->elements + i;
          break;
        }
    }
    comparison->elements += m;
  }
}

void ck_comparison_append(ck_comparison *earlier, const ck_comparison *later) {
  if (later->largest > earlier->largest) {
    earlier->largest = later->largest;
    earlier->largest_at = earlier->elements + later->largest_at;
  }
  earlier->aa += later->aa;
  earlier->bb += later->bb;
  earlier->ab += later->ab;
  earlier->dd += later->dd;
  earlier->uu += later->uu;
  earlier->vv += later->vv;
  earlier->uv += later->uv;
  earlier->elements += later->elements;
  earlier->changed += later->changed;
  earlier->skipped += later->skipped;
}
