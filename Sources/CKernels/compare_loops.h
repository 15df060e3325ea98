// Included once per instruction set by instances.h.

// Eight sums side by side make the order of additions the same for every vector width.
static double CK_NAME(compare_values)(const double *restrict a, const double *restrict b, const double *restrict base,
                                      size_t n, ck_comparison *comparison) {
  enum { LANES = 8 };
  double aa[LANES] = {0}, bb[LANES] = {0}, ab[LANES] = {0}, dd[LANES] = {0}, most[LANES] = {0};
  uint64_t changed[LANES] = {0}, skipped[LANES] = {0};
  for (size_t i = 0; i < n; i += LANES)
    for (int j = 0; j < LANES; j++) {
      double x = a[i + j], y = b[i + j];
      int finite = (fabs(x) <= DBL_MAX) & (fabs(y) <= DBL_MAX) & (fabs(base[i + j]) <= DBL_MAX);
      changed[j] += (uint64_t)((x != y) & ((x == x) | (y == y)));
      skipped[j] += (uint64_t)!finite;
      x = finite ? x : 0;
      y = finite ? y : 0;
      double d = y - x, size = fabs(d);
      aa[j] += x * x;
      bb[j] += y * y;
      ab[j] += x * y;
      dd[j] += d * d;
      most[j] = size > most[j] ? size : most[j];
    }
  double largest = 0;
  for (int j = 0; j < LANES; j++) {
    comparison->aa += aa[j];
    comparison->bb += bb[j];
    comparison->ab += ab[j];
    comparison->dd += dd[j];
    comparison->changed += changed[j];
    comparison->skipped += skipped[j];
    largest = most[j] > largest ? most[j] : largest;
  }
  return largest;
}

static void CK_NAME(compare_tasks)(const double *restrict a, const double *restrict b, const double *restrict base,
                                   size_t n, ck_comparison *comparison) {
  enum { LANES = 8 };
  double uu[LANES] = {0}, vv[LANES] = {0}, uv[LANES] = {0};
  for (size_t i = 0; i < n; i += LANES)
    for (int j = 0; j < LANES; j++) {
      double x = a[i + j], y = b[i + j], z = base[i + j];
      int finite = (fabs(x) <= DBL_MAX) & (fabs(y) <= DBL_MAX) & (fabs(z) <= DBL_MAX);
      double u = finite ? x - z : 0, v = finite ? y - z : 0;
      uu[j] += u * u;
      vv[j] += v * v;
      uv[j] += u * v;
    }
  for (int j = 0; j < LANES; j++) {
    comparison->uu += uu[j];
    comparison->vv += vv[j];
    comparison->uv += uv[j];
  }
}
