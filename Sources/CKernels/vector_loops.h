// Included once per instruction set by instances.h.

#define READ(SUFFIX, TYPE, VALUE)                                                                    \
  static void CK_NAME(load_##SUFFIX)(const void *source, double *restrict x, size_t n) {             \
    for (size_t i = 0; i < n; i++) {                                                                 \
      TYPE v;                                                                                        \
      memcpy(&v, (const char *)source + i * sizeof v, sizeof v);                                     \
      x[i] = (double)(VALUE);                                                                        \
    }                                                                                                \
  }

READ(f64, double, v)
READ(f32, float, v)
READ(f16, uint16_t, ck_f16_to_f32(v))
READ(bf16, uint16_t, ck_bf16_to_f32(v))
READ(e4m3, uint8_t, ck_e4m3_to_f32(v))
READ(e5m2, uint8_t, ck_e5m2_to_f32(v))
#undef READ

static void CK_NAME(load)(ck_dtype dtype, const void *source, double *restrict x, size_t n) {
  switch (dtype) {
  case CK_F64: CK_NAME(load_f64)(source, x, n); break;
  case CK_F32: CK_NAME(load_f32)(source, x, n); break;
  case CK_F16: CK_NAME(load_f16)(source, x, n); break;
  case CK_BF16: CK_NAME(load_bf16)(source, x, n); break;
  case CK_F8_E4M3: CK_NAME(load_e4m3)(source, x, n); break;
  case CK_F8_E5M2: CK_NAME(load_e5m2)(source, x, n); break;
  default: ck_to_f64(dtype, source, x, n); break;
  }
}

static void CK_NAME(subtract)(double *restrict x, const double *restrict base, int single, size_t n) {
  if (single)
    for (size_t i = 0; i < n; i++) x[i] = (double)(float)(x[i] - base[i]);
  else
    for (size_t i = 0; i < n; i++) x[i] -= base[i];
}

static void CK_NAME(add_scaled)(double *restrict sum, const double *restrict x, double weight, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += weight * x[i];
}

static void CK_NAME(add_products)(double *restrict sum, const double *restrict x, const double *restrict y,
                                  double weight, size_t n) {
  for (size_t i = 0; i < n; i++) sum[i] += weight * x[i] * y[i];
}

static void CK_NAME(divide)(double *restrict x, const double *restrict y, double smallest,
                            const double *restrict fallback, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = fabs(y[i]) <= smallest ? fallback[i] : x[i] / y[i];
}

// Eight sums side by side make the order of additions the same for every vector width.
enum { CK_NAME(LANES) = 8 };

static double CK_NAME(sum_lanes)(const double *sum) {
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static double CK_NAME(dot)(const double *restrict x, const double *restrict y, size_t n) {
  double sum[CK_NAME(LANES)] = {0};
  size_t i = 0;
  for (; i + CK_NAME(LANES) <= n; i += CK_NAME(LANES))
    for (int j = 0; j < CK_NAME(LANES); j++) sum[j] += x[i + j] * y[i + j];
  for (int j = 0; i < n; i++, j++) sum[j] += x[i] * y[i];
  return CK_NAME(sum_lanes)(sum);
}

// Thirty-two lanes: additions wait for each other, and four registers of them keep every instruction set busy.
static double CK_NAME(dot_f32)(const void *source, const float *restrict y, size_t n) {
  enum { WIDE = 32 };
  double sum[WIDE] = {0};
  size_t i = 0;
  for (; i + WIDE <= n; i += WIDE)
    for (int j = 0; j < WIDE; j++) {
      float v;
      memcpy(&v, (const char *)source + (i + j) * sizeof v, sizeof v);
      sum[j] += (double)v * (double)y[i + j];
    }
  for (int j = 0; i < n; i++, j++) {
    float v;
    memcpy(&v, (const char *)source + i * sizeof v, sizeof v);
    sum[j] += (double)v * (double)y[i];
  }
  for (int half = WIDE / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) sum[j] += sum[j + half];
  return sum[0];
}

static double CK_NAME(sum_magnitudes)(const double *restrict x, size_t n) {
  double sum[CK_NAME(LANES)] = {0};
  size_t i = 0;
  for (; i + CK_NAME(LANES) <= n; i += CK_NAME(LANES))
    for (int j = 0; j < CK_NAME(LANES); j++) sum[j] += fabs(x[i + j]);
  for (int j = 0; i < n; i++, j++) sum[j] += fabs(x[i]);
  return CK_NAME(sum_lanes)(sum);
}

static void CK_NAME(keep_between)(double *restrict x, const double *restrict key, double low, double high, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double m = fabs(key[i]);
    x[i] = ((m < low) | (m > high)) ? 0 : x[i];
  }
}

// The same where the values are their own keys.
static void CK_NAME(keep_magnitudes)(double *restrict x, double low, double high, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double m = fabs(x[i]);
    x[i] = ((m < low) | (m > high)) ? 0 : x[i];
  }
}

static void CK_NAME(keep_masked)(double *restrict x, const double *restrict mask, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = mask[i] == 0 ? 0 : x[i];
}

static void CK_NAME(keep_random)(double *restrict x, const uint32_t *restrict words,
                                 const double *restrict probabilities, int rescale, size_t n) {
  if (rescale)
    for (size_t i = 0; i < n; i++) {
      double kept = x[i] / probabilities[i];
      x[i] = (double)words[i] * 0x1p-32 < probabilities[i] ? kept : 0;
    }
  else
    for (size_t i = 0; i < n; i++) x[i] = (double)words[i] * 0x1p-32 < probabilities[i] ? x[i] : 0;
}

static void CK_NAME(vote)(const double *restrict x, double weight, double *restrict up, double *restrict down,
                          double *restrict up_weight, double *restrict down_weight, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double d = weight * x[i];
    up[i] += d < 0 ? 0 : d;
    down[i] += d > 0 ? 0 : d;
    up_weight[i] += d > 0 ? weight : 0;
    down_weight[i] += d < 0 ? weight : 0;
  }
}

static void CK_NAME(elect)(const double *restrict total, double *restrict up, const double *restrict down,
                           double *restrict up_weight, const double *restrict down_weight, size_t n) {
  for (size_t i = 0; i < n; i++) {
    up[i] = total[i] < 0 ? down[i] : up[i];
    up_weight[i] = total[i] < 0 ? down_weight[i] : up_weight[i];
  }
}

static void CK_NAME(spread)(double *restrict mean, double *restrict squares, const double *restrict x, double k,
                            size_t n) {
  for (size_t i = 0; i < n; i++) {
    double before = x[i] - mean[i];
    mean[i] += before / k;
    squares[i] += before * (x[i] - mean[i]);
  }
}

static void CK_NAME(order)(double *restrict a, double *restrict b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double low = a[i], high = b[i];
    int swaps = (high < low) | (low != low);
    a[i] = swaps ? high : low;
    b[i] = swaps ? low : high;
  }
}

static void CK_NAME(near_swap)(double *restrict a, const double *restrict b, double t, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double distance = fabs(a[i] - b[i]), share = t / distance;
    // At distance 0 both are the same value; the share is then infinite or NaN.
    a[i] = distance <= t ? b[i] : a[i] + share * (b[i] - a[i]);
  }
}

static void CK_NAME(magnitude_bins)(const double *restrict x, int single, uint64_t low, unsigned shift,
                                    uint64_t *restrict bins, size_t n) {
  if (single)
    for (size_t i = 0; i < n; i++) bins[i] = ((uint64_t)(ck_bits((float)x[i]) & 0x7fffffffu) - low) >> shift;
  else
    for (size_t i = 0; i < n; i++) {
      uint64_t bits;
      memcpy(&bits, &x[i], 8);
      bins[i] = ((bits & 0x7fffffffffffffffu) - low) >> shift;
    }
}

static void CK_NAME(philox)(uint32_t key0, uint32_t key1, uint64_t first, uint32_t *restrict words, size_t blocks) {
  for (size_t i = 0; i < blocks; i++) {
    uint64_t counter = first + i;
    uint32_t x = (uint32_t)counter, y = (uint32_t)(counter >> 32), z = 0, w = 0, k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
      uint64_t a = (uint64_t)x * 0xd2511f53u, b = (uint64_t)z * 0xcd9e8d57u;
      x = (uint32_t)(b >> 32) ^ y ^ k0;
      y = (uint32_t)b;
      z = (uint32_t)(a >> 32) ^ w ^ k1;
      w = (uint32_t)a;
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    words[4 * i] = x;
    words[4 * i + 1] = y;
    words[4 * i + 2] = z;
    words[4 * i + 3] = w;
  }
}
