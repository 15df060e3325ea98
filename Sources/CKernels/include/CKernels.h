// The loops that touch every weight. Plain C, no allocation, no global state; compiled once per instruction set and
// chosen at run time by the loader (target_clones) where the compiler can.
#ifndef SOUP_CKERNELS_H
#define SOUP_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CK_F64, CK_F32, CK_F16, CK_BF16, CK_F8_E4M3, CK_F8_E5M2, CK_I64, CK_I32, CK_I16, CK_I8, CK_U8, CK_BOOL
} ck_dtype;

/// Converts n stored elements to float (nearest value). `source` needs no alignment.
void ck_to_f32(ck_dtype dtype, const void *source, float *target, size_t n);
/// Converts n stored elements to double (exact but for large int64 values).
void ck_to_f64(ck_dtype dtype, const void *source, double *target, size_t n);

#ifdef __cplusplus
}
#endif
#endif
