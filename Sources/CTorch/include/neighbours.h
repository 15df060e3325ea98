// The rows of a table that are most like others.
#ifndef SOUP_CTORCH_NEIGHBOURS_H
#define SOUP_CTORCH_NEIGHBOURS_H

/// Of each row of `queries` [N, D] the `count` rows of `bank` [M, D] with the largest inner products, in falling order, the
/// earlier of equal ones first: `values` [N, count] float32 and `indices` [N, count] int64. Both tables are float32. Products
/// that are NaN are never among them; where too few are numbers, the values end in -infinity and the indices in -1.
/// Memory does not grow with N·M.
ct_status ct_nearest(ct_tensor queries, ct_tensor bank, ptrdiff_t count, ct_tensor *values, ct_tensor *indices, ct_error *error);

#endif
