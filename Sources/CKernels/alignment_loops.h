// Included once per instruction set by instances.h.

// A tile of the result in registers. Every sum runs over k in order, whatever the width of a register.
#ifdef CK_IS_AVX512
enum { CK_NAME(TILE_COLUMNS) = 32 };
#else
enum { CK_NAME(TILE_COLUMNS) = 16 };
#endif

typedef float CK_NAME(vector) __attribute__((vector_size(64), aligned(4)));

// sums += a-panel (depth by CK_TILE_ROWS) times b-panel (depth by TILE_COLUMNS), `rows` by `columns` of it.
static void CK_NAME(tile_products)(const float *restrict a, const float *restrict b, size_t depth, size_t rows,
                                   size_t columns, size_t n, double *restrict sums) {
  enum { VECTORS = CK_NAME(TILE_COLUMNS) / 16 };
  CK_NAME(vector) sum[CK_TILE_ROWS][VECTORS];
  memset(sum, 0, sizeof sum);
  for (size_t k = 0; k < depth; k++) {
    CK_NAME(vector) right[VECTORS];
    memcpy(right, b + k * CK_NAME(TILE_COLUMNS), sizeof right);
#pragma clang loop unroll(full)
    for (int i = 0; i < CK_TILE_ROWS; i++)
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) sum[i][v] += a[k * CK_TILE_ROWS + i] * right[v];
  }
  for (size_t i = 0; i < rows; i++) {
    float line[CK_NAME(TILE_COLUMNS)];
    memcpy(line, sum[i], sizeof line);
    for (size_t j = 0; j < columns; j++) sums[i * n + j] += (double)line[j];
  }
}

// One piece of up to CK_CROSS_DEPTH elements of all rows.
static void CK_NAME(cross_piece)(const float *a, const float *b, size_t first, size_t last, size_t n, size_t stride,
                                 size_t depth, double *sums, float *scratch) {
  enum { WIDTH = CK_NAME(TILE_COLUMNS) };
  float *panel = scratch, *panels = scratch + CK_CROSS_DEPTH * CK_TILE_ROWS;
  for (size_t start = 0; start < n; start += WIDTH) {
    float *target = panels + start * CK_CROSS_DEPTH;
    for (size_t j = 0; j < WIDTH; j++) {
      const float *row = b + (start + j) * stride;
      if (start + j < n)
        for (size_t k = 0; k < depth; k++) target[k * WIDTH + j] = row[k];
      else
        for (size_t k = 0; k < depth; k++) target[k * WIDTH + j] = 0;
    }
  }
  for (size_t i = first; i < last; i += CK_TILE_ROWS) {
    size_t rows = last - i < CK_TILE_ROWS ? last - i : CK_TILE_ROWS;
    for (size_t r = 0; r < CK_TILE_ROWS; r++) {
      const float *row = a + (i + r) * stride;
      for (size_t k = 0; k < depth; k++) panel[k * CK_TILE_ROWS + r] = r < rows ? row[k] : 0;
    }
    for (size_t start = 0; start < n; start += WIDTH)
      CK_NAME(tile_products)(panel, panels + start * CK_CROSS_DEPTH, depth, rows, n - start < WIDTH ? n - start : WIDTH, n,
                             sums + i * n + start);
  }
}

// Shortens paths to every column by going through a row whose path is `base` long; returns the length of the shortest
// to a column that is not `closed` (0, or infinity).
static double CK_NAME(shorten_paths)(const double *restrict values, double base, const double *restrict price,
                                     const double *restrict closed, double *restrict length, uint32_t *restrict via,
                                     uint32_t row, size_t n) {
  enum { LANES = 8 };
  double least[LANES];
  for (int l = 0; l < LANES; l++) least[l] = INFINITY;
  size_t j = 0;
  for (; j + LANES <= n; j += LANES)
    for (int l = 0; l < LANES; l++) {
      double through = base - values[j + l] - price[j + l] + closed[j + l];
      int is_shorter = through < length[j + l];
      length[j + l] = is_shorter ? through : length[j + l];
      via[j + l] = is_shorter ? row : via[j + l];
      double open = length[j + l] + closed[j + l];
      least[l] = open < least[l] ? open : least[l];
    }
  for (int l = 0; j < n; j++, l++) {
    double through = base - values[j] - price[j] + closed[j];
    int is_shorter = through < length[j];
    length[j] = is_shorter ? through : length[j];
    via[j] = is_shorter ? row : via[j];
    double open = length[j] + closed[j];
    least[l] = open < least[l] ? open : least[l];
  }
  double smallest = INFINITY;
  for (int l = 0; l < LANES; l++) smallest = least[l] < smallest ? least[l] : smallest;
  return smallest;
}
