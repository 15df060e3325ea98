// Included once per instruction set by instances.h.

#define LOAD(TYPE)  \
  TYPE v;           \
  memcpy(&v, (const char *)source + i * sizeof v, sizeof v)

// The first source starts the sum, so that -0 stays -0.
#define ACCUMULATE(SUFFIX, TYPE, VALUE)                                                                     \
  static void CK_NAME(add_##SUFFIX)(double *restrict sum, const void *source, double w, size_t n, int first) { \
    if (first)                                                                                               \
      for (size_t i = 0; i < n; i++) { LOAD(TYPE); sum[i] = w * (double)(VALUE); }                           \
    else                                                                                                     \
      for (size_t i = 0; i < n; i++) { LOAD(TYPE); sum[i] += w * (double)(VALUE); }                          \
  }

ACCUMULATE(f32, float, v)
ACCUMULATE(f16, uint16_t, ck_f16_to_f32(v))
ACCUMULATE(bf16, uint16_t, ck_bf16_to_f32(v))
ACCUMULATE(e4m3, uint8_t, ck_e4m3_to_f32(v))
ACCUMULATE(e5m2, uint8_t, ck_e5m2_to_f32(v))
#undef ACCUMULATE

static void CK_NAME(add)(ck_dtype dtype, double *restrict sum, const void *source, double w, size_t n, int first) {
  switch (dtype) {
  case CK_F32: CK_NAME(add_f32)(sum, source, w, n, first); break;
  case CK_F16: CK_NAME(add_f16)(sum, source, w, n, first); break;
  case CK_BF16: CK_NAME(add_bf16)(sum, source, w, n, first); break;
  case CK_F8_E4M3: CK_NAME(add_e4m3)(sum, source, w, n, first); break;
  case CK_F8_E5M2: CK_NAME(add_e5m2)(sum, source, w, n, first); break;
  default: break;
  }
}

// One source of a compensated dot product: the errors of the product and of the sum go to `low`.
static void CK_NAME(add_compensated)(double *restrict sum, double *restrict low, const double *restrict x, double w,
                                     size_t n, int first) {
  if (first)
    for (size_t i = 0; i < n; i++) {
      double p = w * x[i];
      sum[i] = p;
      low[i] = fma(w, x[i], -p);
    }
  else
    for (size_t i = 0; i < n; i++) {
      double p = w * x[i], e = fma(w, x[i], -p), a = sum[i], s = a + p, t = s - a;
      low[i] += ((a - (s - t)) + (p - t)) + e;
      sum[i] = s;
    }
}

// Ends the sum: sum = (sum + low) / divisor.
static void CK_NAME(finish_compensated)(double *restrict sum, const double *restrict low, double divisor, size_t n) {
  for (size_t i = 0; i < n; i++) {
    double q = sum[i] / divisor, r = fma(-q, divisor, sum[i]) + low[i];
    // Infinite and NaN sums have NaN remainders, and -0 would become 0: the plain quotient is right for all three.
    sum[i] = r < 0 || r > 0 ? q + r / divisor : q;
  }
}

#define STORE(SUFFIX, TYPE, VALUE, NOT_FINITE)                                                   \
  static size_t CK_NAME(store_##SUFFIX)(const double *restrict sum, void *restrict target, double scale, size_t n) { \
    uint32_t bad = 0;                                                                            \
    for (size_t i = 0; i < n; i++) {                                                             \
      double d = sum[i] * scale;                                                                 \
      TYPE v = VALUE;                                                                            \
      bad += NOT_FINITE;                                                                         \
      memcpy((char *)target + i * sizeof v, &v, sizeof v);                                       \
    }                                                                                            \
    return bad;                                                                                  \
  }

STORE(f64, double, d, !(fabs(v) <= DBL_MAX))
STORE(f32, float, (float)d, (ck_bits(v) & 0x7f800000u) == 0x7f800000u)
STORE(f16, uint16_t, ck_f32_to_f16(ck_f64_to_f32_odd(d)), (v & 0x7c00u) == 0x7c00u)
STORE(bf16, uint16_t, ck_f32_to_bf16(ck_f64_to_f32_odd(d)), (v & 0x7f80u) == 0x7f80u)
STORE(e4m3, uint8_t, ck_f32_to_e4m3(ck_f64_to_f32_odd(d)), !(fabs(d) < 464.0))
STORE(e5m2, uint8_t, ck_f32_to_e5m2(ck_f64_to_f32_odd(d)), (v & 0x7cu) == 0x7cu)
#undef STORE
#undef LOAD

static size_t CK_NAME(store)(ck_dtype dtype, const double *restrict sum, void *restrict target, double scale, size_t n) {
  switch (dtype) {
  case CK_F64: return CK_NAME(store_f64)(sum, target, scale, n);
  case CK_F32: return CK_NAME(store_f32)(sum, target, scale, n);
  case CK_F16: return CK_NAME(store_f16)(sum, target, scale, n);
  case CK_BF16: return CK_NAME(store_bf16)(sum, target, scale, n);
  case CK_F8_E4M3: return CK_NAME(store_e4m3)(sum, target, scale, n);
  case CK_F8_E5M2: return CK_NAME(store_e5m2)(sum, target, scale, n);
  default: return 0;
  }
}
