#include "CKernels.h"

#include <string.h>

// Scalar reference conversions. Every one reads through memcpy: tensors inside files may be unaligned.

static float f16_to_f32(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu, bits;
  if (exponent == 31) bits = sign | 0x7f800000u | (mantissa << 13);
  else if (exponent) bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  else if (!mantissa) bits = sign;
  else {
    int shift = __builtin_clz(mantissa) - 21;
    bits = sign | ((uint32_t)(113 - shift) << 23) | ((mantissa << (shift + 13)) & 0x7fffffu);
  }
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static float bf16_to_f32(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static float e5m2_to_f32(uint8_t b) { return f16_to_f32((uint16_t)(b << 8)); }

static float e4m3_to_f32(uint8_t b) {
  uint32_t sign = (uint32_t)(b & 0x80u) << 24, exponent = (b >> 3) & 15u, mantissa = b & 7u, bits;
  if ((b & 0x7f) == 0x7f) bits = sign | 0x7fc00000u;
  else if (exponent) bits = sign | ((exponent + 120) << 23) | (mantissa << 20);
  else {
    float f = (float)mantissa * 0.001953125f;  // 2^-9
    return sign ? -f : f;
  }
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

#define EACH(TYPE, EXPRESSION)                                  \
  for (size_t i = 0; i < n; i++) {                              \
    TYPE v;                                                     \
    memcpy(&v, (const char *)source + i * sizeof v, sizeof v);  \
    target[i] = EXPRESSION;                                     \
  }                                                             \
  break

#define CONVERT(TO)                              \
  switch (dtype) {                               \
  case CK_F64: EACH(double, (TO)v);              \
  case CK_F32: EACH(float, (TO)v);               \
  case CK_F16: EACH(uint16_t, (TO)f16_to_f32(v)); \
  case CK_BF16: EACH(uint16_t, (TO)bf16_to_f32(v)); \
  case CK_F8_E4M3: EACH(uint8_t, (TO)e4m3_to_f32(v)); \
  case CK_F8_E5M2: EACH(uint8_t, (TO)e5m2_to_f32(v)); \
  case CK_I64: EACH(int64_t, (TO)v);             \
  case CK_I32: EACH(int32_t, (TO)v);             \
  case CK_I16: EACH(int16_t, (TO)v);             \
  case CK_I8: EACH(int8_t, (TO)v);               \
  case CK_U8: EACH(uint8_t, (TO)v);              \
  case CK_BOOL: EACH(uint8_t, (TO)(v != 0));     \
  }

void ck_to_f32(ck_dtype dtype, const void *source, float *target, size_t n) { CONVERT(float) }
void ck_to_f64(ck_dtype dtype, const void *source, double *target, size_t n) { CONVERT(double) }
