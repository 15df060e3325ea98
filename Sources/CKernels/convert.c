#include "CKernels.h"
#include "small_floats.h"

// Reads go through memcpy: tensors inside files may be unaligned.
#define EACH(TYPE, EXPRESSION)                                 \
  for (size_t i = 0; i < n; i++) {                             \
    TYPE v;                                                    \
    memcpy(&v, (const char *)source + i * sizeof v, sizeof v); \
    target[i] = EXPRESSION;                                    \
  }                                                            \
  break

#define CONVERT(TO)                                         \
  switch (dtype) {                                          \
  case CK_F64: EACH(double, (TO)v);                         \
  case CK_F32: EACH(float, (TO)v);                          \
  case CK_F16: EACH(uint16_t, (TO)ck_f16_to_f32(v));        \
  case CK_BF16: EACH(uint16_t, (TO)ck_bf16_to_f32(v));      \
  case CK_F8_E4M3: EACH(uint8_t, (TO)ck_e4m3_to_f32(v));    \
  case CK_F8_E5M2: EACH(uint8_t, (TO)ck_e5m2_to_f32(v));    \
  case CK_I64: EACH(int64_t, (TO)v);                        \
  case CK_I32: EACH(int32_t, (TO)v);                        \
  case CK_I16: EACH(int16_t, (TO)v);                        \
  case CK_I8: EACH(int8_t, (TO)v);                          \
  case CK_U8: EACH(uint8_t, (TO)v);                         \
  case CK_BOOL: EACH(uint8_t, (TO)(v != 0));                \
  }

void ck_to_f32(ck_dtype dtype, const void *source, float *target, size_t n) { CONVERT(float) }
void ck_to_f64(ck_dtype dtype, const void *source, double *target, size_t n) { CONVERT(double) }
