// Conversion between floating-point dtypes that counts what it loses.
#ifndef SOUP_CKCONVERSION_H
#define SOUP_CKCONVERSION_H

/// How many elements a conversion changed: all of them; of these, finite ones that were too large for the target (they
/// become infinite, or the largest number of E4M3), and ones that were not zero and became zero.
typedef struct {
  size_t changed, overflowed, vanished;
} ck_losses;

/// target = n stored elements of `source`, each rounded once, to nearest even; adds what is lost to `losses`. NaN stays
/// NaN, and is not counted.
void ck_convert(ck_level level, ck_dtype source_dtype, const void *source, ck_dtype target_dtype, void *target, size_t n,
                ck_losses *losses);

#endif
