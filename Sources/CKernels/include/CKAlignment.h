// What aligning two networks spends its time on: products of all rows of two matrices, and the best one-to-one assignment
// of rows. Same rules as CKernels.h, which includes this file.
#ifndef SOUP_CKALIGNMENT_H
#define SOUP_CKALIGNMENT_H

/// Floats of scratch that `ck_add_cross_products` needs for n rows.
size_t ck_cross_scratch(size_t n);

/// sums[i * n + j] += the dot product of row i of `a` and row j of `b`, for first <= i < last and all j < n.
///
/// Rows are `stride` floats apart and have k elements. Products are summed one after the other in float, 256 of them, and
/// that is added in double, so that every instruction set gives the same bytes.
void ck_add_cross_products(ck_level level, const float *a, const float *b, size_t first, size_t last, size_t n,
                           size_t stride, size_t k, double *sums, float *scratch);

/// Bytes of scratch that `ck_assign` needs for n rows.
size_t ck_assign_scratch(size_t n);

/// columns[i] = the column of row i in the one-to-one assignment whose values (n by n, finite, in rows) have the largest
/// sum. Shortest augmenting paths from a feasible start (Jonker and Volgenant 1987; Crouse 2016): O(n^3) at worst.
void ck_assign(ck_level level, size_t n, const double *values, uint32_t *columns, void *scratch);

#endif
