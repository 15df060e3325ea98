#include "functions.h"
#include "kernels.h"
#include "support.h"

// Convolutions for prediction by Winograd's F(4x4, 3x3): a quarter of the multiplications, and sums and differences instead.
// Measured for 16, 32 and 64 channels (ResNet-20): about half the time of the direct convolution, transforms included. Rounding
// errors are some ten times those of the direct form, 1e-6 relative.

namespace soup {
namespace {

constexpr int64_t widest = 128;  // channels; beyond it the weights of all 36 positions leave the cache

/// Images that one thread takes together, so that few blocks of tiles are left partly filled.
constexpr int64_t group = 8;

}  // namespace

bool can_use_winograd(int64_t inputs, int64_t outputs) {
  return kernels::best().winograd != nullptr && inputs % 16 == 0 && outputs % 16 == 0 && inputs > 0 && outputs > 0 &&
      inputs <= widest && outputs <= widest;
}

at::Tensor pack_winograd(const at::Tensor &weight) {
  static constexpr double rows[6][3] = {{1. / 4, 0, 0},           {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6},
                                        {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}};
  TORCH_CHECK(
      plain(weight) && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && weight.scalar_type() == at::kFloat,
      "a float32 weight [outputs, inputs, 3, 3] on the CPU was expected, found ", weight.sizes());
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  auto source = weight.permute({2, 3, 1, 0}).contiguous();  // [3, 3, inputs, outputs]
  auto result = at::empty({6, 6, inputs, outputs}, weight.options().memory_format(at::MemoryFormat::Contiguous));
  const float *g = source.const_data_ptr<float>();
  float *to = result.data_ptr<float>();
  const int64_t size = inputs * outputs;
  for (int64_t position = 0; position < 36; ++position) {
    double share[9];
    for (int64_t k = 0; k < 9; ++k) share[k] = rows[position / 6][k / 3] * rows[position % 6][k % 3];
    for (int64_t i = 0; i < size; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < 9; ++k) sum += share[k] * g[k * size + i];
      to[position * size + i] = static_cast<float>(sum);
    }
  }
  return result;
}

at::Tensor winograd(
    const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &residual, bool relu) {
  TORCH_CHECK(
      plain(input) && input.dim() == 4 && input.scalar_type() == at::kFloat && weight.dim() == 4 && plain(weight) &&
          weight.is_contiguous() && weight.size(0) == 6 && weight.size(1) == 6 && input.size(1) == weight.size(2) &&
          can_use_winograd(weight.size(2), weight.size(3)),
      "float32 images of ", weight.dim() == 4 ? weight.size(2) : 0, " channels on the CPU were expected, found ", input.sizes());
  auto x = input.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t images = x.size(0), outputs = weight.size(3);
  auto y = at::empty({images, outputs, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  if (y.numel() == 0) return y;
  auto shift = bias.defined() ? bias.to(at::kFloat).contiguous() : at::zeros({outputs}, x.options());
  TORCH_CHECK(shift.numel() == outputs, "a bias of ", outputs, " values was expected, found ", shift.sizes());
  at::Tensor addend;
  if (residual.defined()) {
    TORCH_CHECK(
        residual.sizes() == y.sizes() && residual.scalar_type() == at::kFloat && plain(residual), "a residual of shape ",
        y.sizes(), " was expected, found ", residual.sizes());
    addend = residual.contiguous(at::MemoryFormat::ChannelsLast);
  }
  const kernels::Winograd c = {
      images, x.size(2), x.size(3), x.size(1), outputs, x.const_data_ptr<float>(), weight.const_data_ptr<float>(),
      shift.const_data_ptr<float>(), addend.defined() ? addend.const_data_ptr<float>() : nullptr, relu, y.data_ptr<float>()};
  const auto &table = kernels::best();
  const int64_t size = static_cast<int64_t>(table.winograd_scratch(c.height, c.width, c.inputs, outputs));
  const int64_t threads = kernels::thread_limit(), together = std::min(group, (images + threads - 1) / threads);
  auto scratch = at::empty({threads, size}, x.options().memory_format(at::MemoryFormat::Contiguous));
  float *spare = scratch.data_ptr<float>();
  kernels::each((images + together - 1) / together, [=, kernel = table.winograd](int64_t index, int thread) {
    auto part = c;
    const int64_t first = index * together, pixels = c.height * c.width;
    part.images = std::min(together, images - first);
    part.x += first * pixels * c.inputs;
    part.y += first * pixels * c.outputs;
    if (part.residual != nullptr) part.residual += first * pixels * c.outputs;
    kernel(part, spare + thread * size);
  });
  return y;
}

}  // namespace soup

using namespace soup;

bool ct_can_use_winograd(ptrdiff_t inputs, ptrdiff_t outputs) { return can_use_winograd(inputs, outputs); }

ct_status ct_pack_winograd(ct_tensor weight, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    return pack_winograd(tensor(weight));
  });
}

ct_status ct_winograd(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, bool relu, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    at::NoGradGuard guard;
    return winograd(tensor(input), tensor(weight), tensor(bias), tensor(residual), relu);
  });
}
