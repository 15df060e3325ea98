// Included once per instruction set by instances.h.

// As many accumulators as the registers hold. Sixteen lanes for every instruction set: the order of additions is the same.
#if defined(CK_IS_AVX512)
enum { CK_NAME(MR) = 4, CK_NAME(NR) = 4 };
#elif defined(CK_HAS_FMA)
enum { CK_NAME(MR) = 2, CK_NAME(NR) = 2 };
#else
enum { CK_NAME(MR) = 2, CK_NAME(NR) = 1 };
#endif

typedef float CK_NAME(lanes16) __attribute__((vector_size(64), aligned(4)));
typedef float CK_NAME(lanes8) __attribute__((vector_size(32)));
typedef float CK_NAME(lanes4) __attribute__((vector_size(16)));

static inline double CK_NAME(sum16)(const CK_NAME(lanes16) *sum) {
  const CK_NAME(lanes16) s = *sum;
  CK_NAME(lanes8) e = __builtin_shufflevector(s, s, 0, 1, 2, 3, 4, 5, 6, 7) +
                      __builtin_shufflevector(s, s, 8, 9, 10, 11, 12, 13, 14, 15);
  CK_NAME(lanes4) f = __builtin_shufflevector(e, e, 0, 1, 2, 3) + __builtin_shufflevector(e, e, 4, 5, 6, 7);
  return ((double)f[0] + (double)f[2]) + ((double)f[1] + (double)f[3]);
}

static void CK_NAME(row_products)(const float *restrict tile, size_t count, size_t stride, size_t n,
                                  double *restrict sums) {
  enum { MR = CK_NAME(MR), NR = CK_NAME(NR) };
  typedef CK_NAME(lanes16) lanes;
  for (size_t i0 = 0; i0 < count; i0 += MR)
    for (size_t j0 = 0; j0 < i0 + MR && j0 < count; j0 += NR) {
      const float *restrict a = tile + i0 * stride, *restrict b = tile + j0 * stride;
      lanes sum[MR][NR] = {{{0}}};
      for (size_t k = 0; k < n; k += CK_GRAM_LANES) {
        lanes x[MR], y[NR];
#pragma clang loop unroll(full)
        for (int i = 0; i < MR; i++) x[i] = *(const lanes *)(a + (size_t)i * stride + k);
#pragma clang loop unroll(full)
        for (int j = 0; j < NR; j++) y[j] = *(const lanes *)(b + (size_t)j * stride + k);
#pragma clang loop unroll(full)
        for (int i = 0; i < MR; i++)
#pragma clang loop unroll(full)
          for (int j = 0; j < NR; j++) sum[i][j] += x[i] * y[j];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < MR; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < NR; j++) {
          size_t row = i0 + (size_t)i, column = j0 + (size_t)j;
          if (row < count && column <= row) sums[row * (row + 1) / 2 + column] += CK_NAME(sum16)(&sum[i][j]);
        }
    }
}

static double CK_NAME(squared_distance)(const float *restrict x, const float *restrict y, size_t n) {
  typedef CK_NAME(lanes16) lanes;
  double total = 0;
  for (size_t start = 0; start < n; start += 1024) {
    size_t end = n - start < 1024 ? n : start + 1024;
    lanes sum = {0};
    for (size_t k = start; k < end; k += CK_GRAM_LANES) {
      lanes d = *(const lanes *)(x + k) - *(const lanes *)(y + k);
      sum += d * d;
    }
    total += CK_NAME(sum16)(&sum);
  }
  return total;
}

static void CK_NAME(mean_of_rows)(const float *restrict rows, size_t count, size_t stride, float *restrict mean,
                                  size_t n) {
  enum { STEP = 256 };
  double sum[STEP];
  for (size_t start = 0; start < n; start += STEP) {
    size_t m = n - start < STEP ? n - start : STEP;
    for (size_t k = 0; k < m; k++) sum[k] = 0;
    for (size_t i = 0; i < count; i++) {
      const float *restrict row = rows + i * stride + start;
      for (size_t k = 0; k < m; k++) sum[k] += (double)row[k];
    }
    for (size_t k = 0; k < m; k++) mean[start + k] = (float)(sum[k] / (double)count);
  }
}

static void CK_NAME(subtract_f32)(const float *restrict x, const float *restrict reference, float *restrict d,
                                  size_t n) {
  for (size_t k = 0; k < n; k++) d[k] = x[k] - reference[k];
}

static int CK_NAME(is_finite)(const float *restrict x, size_t n) {
  uint32_t found = 0;
  for (size_t k = 0; k < n; k++) {
    uint32_t bits;
    memcpy(&bits, x + k, sizeof bits);
    found |= (uint32_t)((bits & 0x7f800000u) == 0x7f800000u);
  }
  return !found;
}

static void CK_NAME(sign_planes)(const float *restrict x, uint64_t *restrict negative, uint64_t *restrict nonzero,
                                 size_t n) {
  typedef int32_t mask16 __attribute__((vector_size(64)));
  typedef _Bool bits16 __attribute__((ext_vector_type(16)));
  const CK_NAME(lanes16) zero = {0};
  for (size_t word = 0; word < n / 64; word++) {
    uint64_t less = 0, other = 0;
    for (unsigned part = 0; part < 4; part++) {
      CK_NAME(lanes16) v = *(const CK_NAME(lanes16) *)(x + word * 64 + part * 16);
      mask16 is_less = v < zero, is_other = v != zero;
      bits16 a = __builtin_convertvector(is_less, bits16), b = __builtin_convertvector(is_other, bits16);
      uint16_t c, d;
      memcpy(&c, &a, sizeof c);
      memcpy(&d, &b, sizeof d);
      less |= (uint64_t)c << (16 * part);
      other |= (uint64_t)d << (16 * part);
    }
    negative[word] = less;
    nonzero[word] = other;
  }
}

static void CK_NAME(sign_counts)(const uint64_t *restrict negative, const uint64_t *restrict nonzero, size_t count,
                                 size_t stride, size_t words, uint64_t *restrict both, uint64_t *restrict apart) {
  size_t place = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j <= i; j++, place++) {
      const uint64_t *restrict a = negative + i * stride, *restrict b = negative + j * stride;
      const uint64_t *restrict p = nonzero + i * stride, *restrict q = nonzero + j * stride;
      uint64_t pairs = 0, differ = 0;
      for (size_t w = 0; w < words; w++) {
        uint64_t there = p[w] & q[w];
        pairs += (uint64_t)__builtin_popcountll(there);
        differ += (uint64_t)__builtin_popcountll((a[w] ^ b[w]) & there);
      }
      both[place] += pairs;
      apart[place] += differ;
    }
}
