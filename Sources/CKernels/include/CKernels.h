// The loops that touch every weight. Plain C, no allocation, no global state. Every loop is compiled once per
// instruction set (instances.h) and the best one that this processor has is picked at run time; all of them give the
// same bytes, because they do the same IEEE operations in the same order and contraction is off.
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

/// Instruction sets. The baseline is SSE2 on x86-64 and NEON on arm64.
typedef enum { CK_BASELINE, CK_AVX2, CK_AVX512 } ck_level;

/// Whether this processor runs `level`.
int ck_level_supported(ck_level level);
/// The best level of this processor.
ck_level ck_best_level(void);
/// Its name, for reports: "AVX-512", "AVX2", "SSE2", "NEON".
const char *ck_level_name(ck_level level);

/// Converts n stored elements to float (nearest value). `source` needs no alignment.
void ck_to_f32(ck_dtype dtype, const void *source, float *target, size_t n);
/// Converts n stored elements to double (exact but for large int64 values).
void ck_to_f64(ck_dtype dtype, const void *source, double *target, size_t n);

/// target = (sum over k of weights[k] * sources[k]) / divisor, one rounding to the target dtype.
///
/// Sums run in the order of the sources, in double; where a source is F64, with compensation (Ogita, Rump and Oishi
/// 2005), so that the result is as if computed in twice the precision. All dtypes must be floating point; pointers need
/// no alignment; the target must not overlap a source.
/// Overflow gives infinity, or the largest number for E4M3, which has no infinity, as PyTorch's conversions do.
/// Returns how many results were NaN, infinite, or too large for the target.
size_t ck_weighted_sum(ck_level level, size_t count, const void *const *sources, const ck_dtype *dtypes,
                    const double *weights, double divisor, void *target, ck_dtype target_dtype, size_t n);

/// What n stored elements look like; minimum, maximum and sums are over the finite ones.
typedef struct {
  double minimum, maximum, sum, sum_of_squares;
  size_t finite, nans, infinities, zeros;
} ck_statistics;

/// Statistics of nothing, to be passed to `ck_statistics_add`.
ck_statistics ck_statistics_empty(void);
/// Adds n stored elements of any dtype to `statistics`.
void ck_statistics_add(ck_level level, ck_dtype dtype, const void *source, size_t n, ck_statistics *statistics);

#include "CKAlignment.h"
#include "CKChecksum.h"
#include "CKCompare.h"
#include "CKGram.h"
#include "CKOutputs.h"
#include "CKConversion.h"
#include "CKVectors.h"
#include "CKTaskVectors.h"

#ifdef __cplusplus
}
#endif
#endif
