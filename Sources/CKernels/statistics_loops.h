// Included once per instruction set by instances.h.

// Eight sums side by side make the order of additions the same for every vector width.
static void CK_NAME(add_values)(const double *restrict x, size_t n, ck_statistics *statistics) {
  enum { LANES = 8 };
  double low[LANES], high[LANES], sum[LANES], squares[LANES];
  uint64_t finite[LANES], nans[LANES], zeros[LANES];
  for (int j = 0; j < LANES; j++) {
    low[j] = INFINITY;
    high[j] = -INFINITY;
    sum[j] = squares[j] = 0;
    finite[j] = nans[j] = zeros[j] = 0;
  }
  for (size_t i = 0; i < n; i += LANES)
    for (int j = 0; j < LANES; j++) {
      double v = x[i + j];
      int is_finite = fabs(v) <= DBL_MAX;
      double w = is_finite ? v : 0;
      low[j] = is_finite && v < low[j] ? v : low[j];
      high[j] = is_finite && v > high[j] ? v : high[j];
      sum[j] += w;
      squares[j] += w * w;
      finite[j] += (uint64_t)is_finite;
      nans[j] += (uint64_t)(v != v);
      zeros[j] += (uint64_t)(v == 0);
    }
  size_t all_finite = 0, all_nans = 0;
  for (int j = 0; j < LANES; j++) {
    statistics->minimum = low[j] < statistics->minimum ? low[j] : statistics->minimum;
    statistics->maximum = high[j] > statistics->maximum ? high[j] : statistics->maximum;
    statistics->sum += sum[j];
    statistics->sum_of_squares += squares[j];
    all_finite += finite[j];
    all_nans += nans[j];
    statistics->zeros += zeros[j];
  }
  statistics->finite += all_finite;
  statistics->nans += all_nans;
  statistics->infinities += n - all_finite - all_nans;
}
