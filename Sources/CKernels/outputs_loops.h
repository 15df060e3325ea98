// Included once per instruction set by instances.h.

// The natural logarithm of a normal, positive x to 1e-7: Cephes' polynomial on [sqrt(1/2), sqrt(2)).
static inline float CK_NAME(logarithm)(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  // 0x3f3504f3 is sqrt(1/2): the exponent that leaves a mantissa at or above it.
  int32_t exponent = (int32_t)(bits - 0x3f3504f3u) >> 23;
  bits -= (uint32_t)exponent << 23;
  float m;
  memcpy(&m, &bits, sizeof m);
  float f = m - 1, z = f * f, e = (float)exponent;
  float y = 7.0376836292e-2f;
  y = y * f - 1.1514610310e-1f;
  y = y * f + 1.1676998740e-1f;
  y = y * f - 1.2420140846e-1f;
  y = y * f + 1.4249322787e-1f;
  y = y * f - 1.6668057665e-1f;
  y = y * f + 2.0000714765e-1f;
  y = y * f - 2.4999993993e-1f;
  y = y * f + 3.3333331174e-1f;
  y = y * f * z - 2.12194440e-4f * e - 0.5f * z;
  return f + y + 0.693359375f * e;
}

static void CK_NAME(output_distance)(const float *restrict za, const float *restrict la, const float *restrict pa,
                                     const float *restrict zb, const float *restrict lb, const float *restrict pb,
                                     size_t rows, size_t padded, ck_output_distance *distance) {
  enum { LANES = CK_OUTPUT_LANES };
  double kl = 0, js = 0, squares = 0;
  for (size_t row = 0; row < rows; row++) {
    float k[LANES] = {0}, j[LANES] = {0}, s[LANES] = {0};
    for (size_t i = row * padded; i < (row + 1) * padded; i += LANES)
      for (int l = 0; l < LANES; l++) {
        float p = pa[i + l], q = pb[i + l], d = p - q, z = za[i + l] - zb[i + l];
        k[l] += d * (la[i + l] - lb[i + l]);
        s[l] += z * z;
        float sum = p + q, t = d / (sum + 1e-37f), tt = t * t;
        float series = tt * (1 + tt * (1 / 6.0f + tt * (1 / 15.0f + tt * (1 / 28.0f + tt * (1 / 45.0f + tt / 66)))));
        float up = 1 + t, down = 1 - t;
        up = up < 1e-30f ? 1e-30f : up;
        down = down < 1e-30f ? 1e-30f : down;
        float whole = up * CK_NAME(logarithm)(up) + down * CK_NAME(logarithm)(down);
        j[l] += sum * (tt < 0.09f ? series : whole);
      }
    for (int half = LANES / 2; half > 0; half /= 2)
      for (int l = 0; l < half; l++) {
        k[l] += k[l + half];
        j[l] += j[l + half];
        s[l] += s[l + half];
      }
    kl += (double)k[0];
    js += (double)j[0];
    squares += (double)s[0];
  }
  distance->kl += kl / 2;
  distance->js += js / 4;
  distance->squares += squares;
}
