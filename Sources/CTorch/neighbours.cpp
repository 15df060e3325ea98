// Nearest rows by inner product. On the CPU each thread multiplies tiles that stay in its cache and looks through them at once:
// the table of all products, which is far larger than either side, never exists.
#include "support.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

constexpr int64_t tile_rows = 64;
constexpr int64_t tile_columns = 2048;

/// The best so far of one row, in falling order.
struct Best {
  float *values;
  int64_t *indices;
  int64_t count;

  float bar() const { return values[count - 1]; }

  void add(float value, int64_t index) {
    int64_t place = count - 1;
    // Strictly larger: of equal ones the earlier stays ahead.
    for (; place > 0 && value > values[place - 1]; place--) {
      values[place] = values[place - 1];
      indices[place] = indices[place - 1];
    }
    values[place] = value;
    indices[place] = index;
  }
};

void scan(const float *products, int64_t n, int64_t start, Best best) {
  constexpr int64_t group = 32;
  int64_t i = 0;
  for (; i + group <= n; i += group) {
    const float bar = best.bar();
    int any = 0;
    for (int64_t j = 0; j < group; j++) any |= products[i + j] > bar;
    if (!any) continue;
    for (int64_t j = i; j < i + group; j++)
      if (products[j] > best.bar()) best.add(products[j], start + j);
  }
  for (; i < n; i++)
    if (products[i] > best.bar()) best.add(products[i], start + i);
}

void nearest_cpu(const at::Tensor &queries, const at::Tensor &bank, int64_t count, at::Tensor &values, at::Tensor &indices) {
  const int64_t n = queries.size(0), m = bank.size(0);
  float *best_values = values.data_ptr<float>();
  int64_t *best_indices = indices.data_ptr<int64_t>();
  const at::Tensor columns = bank.t();
  const int64_t share = (n + at::get_num_threads() - 1) / at::get_num_threads();
  const int64_t rows = std::max<int64_t>(1, std::min(tile_rows, share));
  const int64_t tiles = (n + rows - 1) / rows;
  at::parallel_for(0, tiles, 1, [&](int64_t first, int64_t last) {
    at::NoGradGuard no_gradients;
    at::Tensor tile = at::empty({rows, tile_columns}, queries.options());
    for (int64_t t = first; t < last; t++) {
      const int64_t row = t * rows, height = std::min(rows, n - row);
      const at::Tensor left = queries.narrow(0, row, height);
      for (int64_t start = 0; start < m; start += tile_columns) {
        const int64_t width = std::min(tile_columns, m - start);
        at::Tensor products = tile.narrow(0, 0, height).narrow(1, 0, width);
        at::mm_out(products, left, columns.narrow(1, start, width));
        const float *data = products.data_ptr<float>();
        for (int64_t r = 0; r < height; r++)
          scan(data + r * tile_columns, width, start, {best_values + (row + r) * count, best_indices + (row + r) * count, count});
      }
    }
  });
}

void nearest_steps(const at::Tensor &queries, const at::Tensor &bank, int64_t count, at::Tensor &values, at::Tensor &indices) {
  const int64_t n = queries.size(0), m = bank.size(0), block = 1 << 16;
  for (int64_t row = 0; row < n; row += 1024) {
    const int64_t height = std::min<int64_t>(1024, n - row);
    at::Tensor best = values.narrow(0, row, height), places = indices.narrow(0, row, height);
    for (int64_t start = 0; start < m; start += block) {
      const int64_t width = std::min(block, m - start);
      at::Tensor products = at::mm(queries.narrow(0, row, height), bank.narrow(0, start, width).t());
      // topk ranks NaN highest; here a product that is no number is no neighbour.
      products.masked_fill_(at::isnan(products), -std::numeric_limits<double>::infinity());
      auto found = products.topk(std::min(count, width), 1);
      at::Tensor all = at::cat({best, std::get<0>(found)}, 1);
      at::Tensor names = at::cat({places, std::get<1>(found) + start}, 1);
      auto order = std::get<1>(at::sort(all, /*stable=*/true, /*dim=*/1, /*descending=*/true)).narrow(1, 0, count);
      best.copy_(all.gather(1, order));
      places.copy_(names.gather(1, order));
    }
    places.masked_fill_(at::isneginf(best), -1);
  }
}

}  // namespace

ct_status ct_nearest(ct_tensor queries, ct_tensor bank, ptrdiff_t count, ct_tensor *values, ct_tensor *indices, ct_error *error) {
  return soup::guarded(error, [&] {
    at::NoGradGuard no_gradients;
    at::Tensor left = soup::tensor(queries).contiguous(), right = soup::tensor(bank).contiguous();
    TORCH_CHECK(
        left.dim() == 2 && right.dim() == 2 && left.size(1) == right.size(1) && left.scalar_type() == at::kFloat &&
            right.scalar_type() == at::kFloat,
        "nearest rows need two float32 tables of one width, found ", left.sizes(), " and ", right.sizes());
    TORCH_CHECK(count >= 1 && count <= right.size(0), count, " nearest of ", right.size(0), " rows");
    at::Tensor best = at::full(
        {left.size(0), count}, -std::numeric_limits<float>::infinity(), left.options());
    at::Tensor places = at::full({left.size(0), count}, -1, left.options().dtype(at::kLong));
    if (left.is_cpu())
      nearest_cpu(left, right, count, best, places);
    else
      nearest_steps(left, right, count, best, places);
    *values = soup::handle(best);
    *indices = soup::handle(places);
  });
}
