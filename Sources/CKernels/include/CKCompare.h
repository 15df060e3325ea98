// Sums that say how far two tensors, and their task vectors from a third, are apart.
#ifndef SOUP_CKCOMPARE_H
#define SOUP_CKCOMPARE_H

/// Sums over the elements at which all tensors are finite, in double.
///
/// The task vectors u = a - base and v = b - base have sums only where a base is given.
typedef struct {
  double aa, bb, ab, dd, uu, vv, uv;
  /// The largest |b - a|, and the index of the first element that has it.
  double largest;
  size_t largest_at;
  /// Elements seen, elements whose values differ, elements left out because one of them is NaN or infinite.
  size_t elements, changed, skipped;
} ck_comparison;

/// Adds n stored elements of each tensor to `comparison`; `base` may be null.
void ck_compare(ck_level level, ck_dtype a_dtype, const void *a, ck_dtype b_dtype, const void *b, ck_dtype base_dtype,
                const void *base, size_t n, ck_comparison *comparison);

/// Appends the sums of later elements to those of earlier ones.
void ck_comparison_append(ck_comparison *earlier, const ck_comparison *later);

#endif
