// Conversions of one element between stored floats and float/double. Free of branches, so that loops over them become
// vector code.
#ifndef SOUP_SMALL_FLOATS_H
#define SOUP_SMALL_FLOATS_H

#include <stdint.h>
#include <string.h>

static inline float ck_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static inline uint32_t ck_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
}

static inline float ck_bf16_to_f32(uint16_t h) { return ck_float((uint32_t)h << 16); }

static inline float ck_f16_to_f32(uint16_t h) {
  // Shifted into place the value is 2^-112 of what it should be, also when subnormal; only infinity and NaN differ.
  uint32_t magnitude = (uint32_t)(h & 0x7fffu) << 13, sign = (uint32_t)(h & 0x8000u) << 16;
  uint32_t scaled = ck_bits(ck_float(magnitude) * 0x1p112f);
  uint32_t special = 0x7f800000u | (magnitude & 0x007fffffu);
  return ck_float(sign | (magnitude >= 0x0f800000u ? special : scaled));
}

static inline float ck_e5m2_to_f32(uint8_t b) { return ck_f16_to_f32((uint16_t)(b << 8)); }

static inline float ck_e4m3_to_f32(uint8_t b) {
  uint32_t magnitude = (uint32_t)(b & 0x7fu) << 20, sign = (uint32_t)(b & 0x80u) << 24;
  uint32_t scaled = ck_bits(ck_float(magnitude) * 0x1p120f);
  return ck_float(sign | (magnitude == 0x07f00000u ? 0x7fc00000u : scaled));
}

// Rounds to float "to odd": an inexact result gets an odd last bit. Rounding that to a format with at least two bits
// less gives the same as rounding the double at once (Boldo and Melquiond 2008), so no weight is rounded twice.
static inline float ck_f64_to_f32_odd(double d) {
  float f = (float)d;
  uint32_t bits = ck_bits(f);
  double back = (double)f;
  uint32_t inexact = (back != d) & (d == d);
  uint32_t away = (back < 0 ? -back : back) > (d < 0 ? -d : d);
  return ck_float((bits - (inexact & away)) | inexact);
}

static inline uint16_t ck_f32_to_bf16(float f) {
  uint32_t bits = ck_bits(f);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  uint32_t nan = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

// Rounds to nearest even into a sign, exponent and mantissa of MANTISSA bits, whose smallest normal number is
// 2^SMALLEST; LIMIT is the first magnitude that rounds beyond the largest finite value.
#define CK_NARROW(NAME, TYPE, MANTISSA, SMALLEST, LIMIT, OVERFLOW, NAN_BITS, SIGN_SHIFT)                     \
  static inline TYPE NAME(float f) {                                                                          \
    uint32_t bits = ck_bits(f), magnitude = bits & 0x7fffffffu;                                               \
    /* Normal numbers: round the mantissa in integers, then move the exponent's bias. */                      \
    uint32_t half = (1u << (22 - MANTISSA)) - 1u + ((magnitude >> (23 - MANTISSA)) & 1u);                     \
    uint32_t normal = ((magnitude + half) >> (23 - MANTISSA)) - ((uint32_t)(SMALLEST + 126) << MANTISSA);     \
    /* Subnormal ones: adding this number makes the float unit round at the target's last place. */           \
    float magic = ck_float((uint32_t)(SMALLEST - MANTISSA + 23 + 127) << 23);                                 \
    uint32_t subnormal = ck_bits(ck_float(magnitude) + magic) - ck_bits(magic);                               \
    uint32_t result = magnitude < (uint32_t)(SMALLEST + 127) << 23 ? subnormal : normal;                      \
    result = ck_float(magnitude) >= LIMIT ? OVERFLOW : result;                                                \
    result = magnitude > 0x7f800000u ? NAN_BITS : result;                                                     \
    return (TYPE)(result | ((bits >> 31) << SIGN_SHIFT));                                                     \
  }

CK_NARROW(ck_f32_to_f16, uint16_t, 10, -14, 65520.0f, 0x7c00u, 0x7e00u, 15)
CK_NARROW(ck_f32_to_e5m2, uint8_t, 2, -14, 61440.0f, 0x7cu, 0x7fu, 7)
// E4M3 has no infinity: what is too large becomes 448, its largest number, as in PyTorch 2.13.
CK_NARROW(ck_f32_to_e4m3, uint8_t, 3, -6, 464.0f, 0x7eu, 0x7fu, 7)

#endif
