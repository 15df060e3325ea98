#include <math.h>
#include <string.h>

enum { CK_CROSS_DEPTH = 256, CK_TILE_ROWS = 6 };

#define CK_LOOPS "alignment_loops.h"
#include "instances.h"

size_t ck_cross_scratch(size_t n) {
  size_t padded = (n + 31) / 32 * 32;
  return CK_CROSS_DEPTH * (CK_TILE_ROWS + padded);
}

void ck_add_cross_products(ck_level level, const float *a, const float *b, size_t first, size_t last, size_t n,
                           size_t stride, size_t k, double *sums, float *scratch) {
  for (size_t start = 0; start < k; start += CK_CROSS_DEPTH) {
    size_t depth = k - start < CK_CROSS_DEPTH ? k - start : CK_CROSS_DEPTH;
    CK_PICK(level, cross_piece)(a + start, b + start, first, last, n, stride, depth, sums, scratch);
  }
}

size_t ck_assign_scratch(size_t n) { return n * (4 * sizeof(double) + 3 * sizeof(uint32_t)) + 64; }

void ck_assign(ck_level level, size_t n, const double *values, uint32_t *columns, void *scratch) {
  // Costs are negated values. `value` of a row and `price` of a column are the dual variables: cost >= value + price,
  // with equality on the assignment.
  const uint32_t none = UINT32_MAX;
  double *value = scratch, *price = value + n, *length = price + n, *closed = length + n;
  uint32_t *via = (uint32_t *)(closed + n), *owner = via + n, *visited = owner + n;
  for (size_t j = 0; j < n; j++) price[j] = INFINITY, owner[j] = none;
  for (size_t i = 0; i < n; i++) {
    const double *row = values + i * n;
    double largest = -INFINITY;
    for (size_t j = 0; j < n; j++) largest = row[j] > largest ? row[j] : largest;
    value[i] = -largest;
    for (size_t j = 0; j < n; j++) {
      double rest = -row[j] - value[i];
      price[j] = rest < price[j] ? rest : price[j];
    }
    columns[i] = none;
  }
  // What is free at these prices is assigned at once.
  for (size_t i = 0; i < n; i++) {
    const double *row = values + i * n;
    for (size_t j = 0; j < n; j++)
      if (owner[j] == none && -row[j] - value[i] - price[j] <= 0) {
        columns[i] = (uint32_t)j, owner[j] = (uint32_t)i;
        break;
      }
  }
  for (size_t start = 0; start < n; start++) {
    if (columns[start] != none) continue;
    for (size_t j = 0; j < n; j++) length[j] = INFINITY, closed[j] = 0;
    size_t row = start, count = 0, end = n;
    double shortest = 0;
    while (end == n) {
      shortest = CK_PICK(level, shorten_paths)(values + row * n, shortest - value[row], price, closed, length, via,
                                               (uint32_t)row, n);
      // Among equally near columns one that nobody owns ends the search.
      size_t nearest = n;
      for (size_t j = 0; j < n; j++) {
        if (length[j] != shortest || closed[j] != 0) continue;
        if (owner[j] == none) {
          end = j;
          break;
        }
        if (nearest == n) nearest = j;
      }
      size_t chosen = end == n ? nearest : end;
      closed[chosen] = INFINITY;
      visited[count++] = (uint32_t)chosen;
      if (end == n) row = owner[chosen];
    }
    value[start] += shortest;
    for (size_t s = 0; s < count; s++) {
      size_t j = visited[s];
      double slack = shortest - length[j];
      if (owner[j] != none) value[owner[j]] += slack;
      price[j] -= slack;
    }
    for (size_t j = end;;) {
      size_t i = via[j], next = columns[i];
      owner[j] = (uint32_t)i, columns[i] = (uint32_t)j;
      if (i == start) break;
      j = next;
    }
  }
}
