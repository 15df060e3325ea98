#include "functions.h"
#include "kernels.h"
#include "networks.h"
#include "support.h"

// One convolution for prediction by Winograd's F(4x4, 3x3) (sheets.inc): a quarter of the multiplications, and sums and differences
// instead. Measured for 16, 32 and 64 channels (ResNet-20): about half the time of the direct convolution, transforms included.

namespace soup {
namespace {

/// Images that one thread takes together, so that few blocks of tiles are left partly filled.
constexpr int64_t group = 8;

}  // namespace

bool can_use_winograd(int64_t inputs, int64_t outputs) {
  return sheets::best(false) != nullptr && sheets::serves(3, 1, inputs, outputs) && sheets::tiled(3, 1, inputs, outputs);
}

at::Tensor pack_winograd(const at::Tensor &weight) {
  TORCH_CHECK(
      plain(weight) && weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3 && weight.scalar_type() == at::kFloat &&
          can_use_winograd(weight.size(1), weight.size(0)),
      "a float32 weight [outputs, inputs, 3, 3] on the CPU was expected, found ", weight.sizes());
  const int64_t outputs = weight.size(0), inputs = weight.size(1);
  auto source = weight.contiguous(at::MemoryFormat::Contiguous);
  auto result = at::empty({6, 6, inputs, outputs}, weight.options().memory_format(at::MemoryFormat::Contiguous));
  sheets::best(false)->pack(3, 1, inputs, outputs, source.const_data_ptr<float>(), result.mutable_data_ptr());
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
  const int64_t images = x.size(0), inputs = x.size(1), height = x.size(2), width = x.size(3), outputs = weight.size(3);
  auto y = at::empty({images, outputs, height, width}, x.options(), at::MemoryFormat::ChannelsLast);
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
  using sheets::Sheet;
  // Results need no border: only pixels of the image are written.
  auto dense = [=](const float *pixels) {
    return Sheet{const_cast<float *>(pixels), outputs, height, width, width * outputs, height * width * outputs};
  };
  const auto *table = sheets::best(false);
  const int64_t threads = kernels::thread_limit(), together = std::min(group, (images + threads - 1) / threads);
  const int64_t row = sheets::bordered(width) * inputs, image = sheets::bordered(height) * row;
  const Sheet padded = {nullptr, inputs, height, width, row, image}, result = dense(y.data_ptr<float>());
  const Sheet added = addend.defined() ? dense(addend.const_data_ptr<float>()) : Sheet{};
  const sheets::Convolution c = {
      together, 3, 1, padded, result, added, weight.const_data_ptr<float>(), shift.const_data_ptr<float>(), relu};
  const int64_t extent = together * image + 16, size = extent + static_cast<int64_t>(table->scratch_size(c)) / 4;
  auto scratch = at::zeros({threads, size}, x.options().memory_format(at::MemoryFormat::Contiguous));
  float *spare = scratch.data_ptr<float>();
  const float *source = x.const_data_ptr<float>();
  kernels::each((images + together - 1) / together, [=](int64_t index, int thread) {
    auto part = c;
    const int64_t first = index * together, line = width * inputs;
    part.images = std::min(together, images - first);
    part.from.pixels = spare + thread * size + row + inputs;
    part.to.pixels += first * part.to.image;
    if (part.residual.pixels != nullptr) part.residual.pixels += first * part.residual.image;
    for (int64_t n = 0; n < part.images; ++n)
      for (int64_t h = 0; h < height; ++h)
        std::copy_n(source + ((first + n) * height + h) * line, line, part.from.pixels + n * image + h * row);
    table->convolve(part, spare + thread * size + extent);
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
