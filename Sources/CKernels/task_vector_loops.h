// Included once per instruction set by instances.h.

// One element of a stored source, as a float.
#define EACH(TYPE, VALUE, ...)                                       \
  for (size_t i = 0; i < n; i++) {                                   \
    TYPE v;                                                          \
    memcpy(&v, (const char *)source + i * sizeof v, sizeof v);       \
    float value = VALUE;                                             \
    __VA_ARGS__;                                                          \
  }                                                                  \
  break

#define FOR_EACH(...)                                               \
  switch (dtype) {                                                   \
  case CK_F32: EACH(float, v, __VA_ARGS__);                               \
  case CK_F16: EACH(uint16_t, ck_f16_to_f32(v), __VA_ARGS__);             \
  case CK_BF16: EACH(uint16_t, ck_bf16_to_f32(v), __VA_ARGS__);           \
  case CK_F8_E4M3: EACH(uint8_t, ck_e4m3_to_f32(v), __VA_ARGS__);         \
  case CK_F8_E5M2: EACH(uint8_t, ck_e5m2_to_f32(v), __VA_ARGS__);         \
  default: break;                                                    \
  }

static void CK_NAME(load_single)(ck_dtype dtype, const void *source, float *restrict x, size_t n) {
  FOR_EACH(x[i] = value)
}

static void CK_NAME(differences)(ck_dtype dtype, const void *source, const float *restrict base, float *restrict delta,
                                 size_t n) {
  FOR_EACH(delta[i] = value - base[i])
}

static void CK_NAME(keys)(const float *restrict delta, uint32_t *restrict keys, size_t n) {
  for (size_t i = 0; i < n; i++) keys[i] = ck_bits(delta[i]) & 0x7fffffffu;
}

static size_t CK_NAME(split)(const float *restrict delta, uint32_t low, uint32_t high, ck_split_counts *counts,
                             uint32_t *restrict between, size_t n) {
  // Keys and bounds have no sign bit: signed comparisons, which every instruction set has, are right.
  uint32_t below = 0, at_low = 0, at_high = 0;
  int32_t first = (int32_t)low, last = (int32_t)high;
  for (size_t i = 0; i < n; i++) {
    int32_t key = (int32_t)(ck_bits(delta[i]) & 0x7fffffffu);
    below += key < first;
    at_low += key == first;
    at_high += key == last;
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    int32_t key = (int32_t)(ck_bits(delta[i]) & 0x7fffffffu);
    between[kept] = (uint32_t)key;
    kept += (size_t)((key > first) & (key < last));
  }
  counts->below += below;
  counts->at_low += at_low;
  counts->at_high += at_high;
  counts->between += (uint32_t)kept;
  return kept;
}

#define VOTE                                                               \
  float delta = value - base[i], magnitude = fabsf(delta);                 \
  delta = ((magnitude < low) | (magnitude > high)) ? 0 : delta;            \
  double d = weight * (factor * (double)delta);                            \
  up[i] += d < 0 ? 0 : d;                                                  \
  down[i] += d > 0 ? 0 : d;                                                \
  up_weight[i] += d > 0 ? weight : 0;                                      \
  down_weight[i] += d < 0 ? weight : 0

// What ck_vote does, with the difference and its trimming in the same pass.
static void CK_NAME(cast_votes)(const ck_term *term, const float *restrict base, double *restrict up,
                                double *restrict down, double *restrict up_weight, double *restrict down_weight,
                                size_t n) {
  const void *source = term->source;
  ck_dtype dtype = term->dtype;
  float low = term->low, high = term->high;
  double factor = term->factor, weight = term->weight;
  FOR_EACH(VOTE)
}

// up = base + scale * the elected sum.
static void CK_NAME(end_votes)(const float *restrict base, double scale, int normalize, double *restrict up,
                               const double *restrict down, const double *restrict up_weight,
                               const double *restrict down_weight, size_t n) {
  for (size_t i = 0; i < n; i++) {
    int loses = up[i] + down[i] < 0;
    double sum = loses ? down[i] : up[i], weight = loses ? down_weight[i] : up_weight[i];
    double mean = sum / weight;
    sum = normalize && !(fabs(weight) <= 0) ? mean : sum;
    up[i] = (double)base[i] + scale * sum;
  }
}

// The dot products of four vectors with four others, or of four with each other (the upper triangle). Products of two
// floats are exact in double, so that fused and separate additions give the same. Eight lanes, those of ck_dot, whatever
// the registers' width; every element is widened once for four products.
#define GRAM_TILE(NAME, SECOND, FIRST_COLUMN)                                                                  \
  static void CK_NAME(NAME)(const float *const *x, const float *const *y, double *products, size_t n) {        \
    ck_lanes sums[16] = {0};                                                                                   \
    size_t i = 0;                                                                                              \
    for (; i + 8 <= n; i += 8) {                                                                               \
      ck_lanes a[4], b[4];                                                                                     \
      for (int k = 0; k < 4; k++) {                                                                            \
        ck_singles narrow;                                                                                     \
        memcpy(&narrow, x[k] + i, sizeof narrow);                                                              \
        a[k] = __builtin_convertvector(narrow, ck_lanes);                                                      \
        memcpy(&narrow, y[k] + i, sizeof narrow);                                                              \
        b[k] = __builtin_convertvector(narrow, ck_lanes);                                                      \
      }                                                                                                        \
      for (int j = 0; j < 4; j++)                                                                              \
        for (int k = FIRST_COLUMN; k < 4; k++) sums[4 * j + k] = CK_MULTIPLY_ADD(a[j], SECOND[k], sums[4 * j + k]); \
    }                                                                                                          \
    for (int j = 0; j < 4; j++)                                                                                \
      for (int k = FIRST_COLUMN; k < 4; k++) {                                                                 \
        ck_lanes s = sums[4 * j + k];                                                                          \
        for (size_t m = i; m < n; m++) s[m - i] += (double)x[j][m] * (double)y[k][m];                          \
        products[4 * j + k] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));               \
      }                                                                                                        \
  }

#ifdef CK_HAS_FMA
#define CK_MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define CK_MULTIPLY_ADD(a, b, c) ((c) + (a) * (b))
#endif
GRAM_TILE(gram_square, b, 0)
GRAM_TILE(gram_triangle, a, j)
#undef CK_MULTIPLY_ADD
#undef GRAM_TILE

#ifdef CK_IS_AVX512
// The compiler does not find the instruction that packs the chosen keys.
static size_t split_wide(const float *delta, uint32_t low, uint32_t high, ck_split_counts *counts, uint32_t *between,
                         size_t n) {
  uint32_t below = 0, at_low = 0, at_high = 0;
  size_t kept = 0;
  const __m512i sign = _mm512_set1_epi32(0x7fffffff), first = _mm512_set1_epi32((int)low),
                last = _mm512_set1_epi32((int)high);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 valid = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : (__mmask16)0xffff;
    __m512i keys = _mm512_and_si512(_mm512_maskz_loadu_epi32(valid, delta + i), sign);
    below += (uint32_t)__builtin_popcount(_mm512_mask_cmplt_epi32_mask(valid, keys, first));
    at_low += (uint32_t)__builtin_popcount(_mm512_mask_cmpeq_epi32_mask(valid, keys, first));
    at_high += (uint32_t)__builtin_popcount(_mm512_mask_cmpeq_epi32_mask(valid, keys, last));
    __mmask16 inside = _mm512_mask_cmplt_epi32_mask(_mm512_mask_cmpgt_epi32_mask(valid, keys, first), keys, last);
    _mm512_storeu_si512(between + kept, _mm512_maskz_compress_epi32(inside, keys));
    kept += (size_t)__builtin_popcount(inside);
  }
  counts->below += below;
  counts->at_low += at_low;
  counts->at_high += at_high;
  counts->between += (uint32_t)kept;
  return kept;
}
#endif

#undef EACH
#undef FOR_EACH
#undef VOTE
