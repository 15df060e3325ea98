#include "functions.h"
#include "kernels.h"
#include "support.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

// oneDNN's float32 convolutions reach 90 % of the processor's peak with 64 channels but half of it with the 16 channels of a
// CIFAR ResNet's first stage. With 16 outputs one vector register holds a pixel, so a direct convolution keeps a whole row of
// sums in registers and reaches 90 % too.

namespace soup {
namespace {

constexpr int64_t outputs = 16;

bool all(at::IntArrayRef list, int64_t value) {
  return std::all_of(list.begin(), list.end(), [=](int64_t v) { return v == value; });
}

/// Whether our own kernel is the faster one for this product and its backward pass.
bool narrow(const at::Tensor &x, const at::Tensor &weight) {
  const auto &table = kernels::best();
  return table.convolve != nullptr && table.lanes == outputs && weight.size(0) == outputs &&
      (weight.size(1) == outputs || weight.size(1) <= 4) && weight.size(2) == 3 && weight.size(3) == 3 && x.numel() > 0 &&
      x.size(1) == weight.size(1);
}

/// [16, C, 3, 3] → [3, 3, C, 16], as the kernel reads it.
at::Tensor packed(const at::Tensor &weight) { return weight.permute({2, 3, 1, 0}).contiguous(); }

/// The convolution of a channels-last image by a packed weight.
at::Tensor convolved(const at::Tensor &image, const at::Tensor &weight) {
  auto x = image.contiguous(at::MemoryFormat::ChannelsLast);
  auto y = at::empty({x.size(0), outputs, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  kernels::Convolution c = {
      x.size(2), x.size(3), x.size(1), outputs, x.const_data_ptr<float>(), weight.const_data_ptr<float>(), y.data_ptr<float>()};
  const int64_t size = 4 * (c.width + 2) * c.inputs;
  auto scratch = at::empty({kernels::thread_limit(), size}, x.options());
  float *spare = scratch.data_ptr<float>();
  const auto convolve = kernels::best().convolve;
  kernels::each(x.size(0), [=](int64_t index, int thread) {
    auto image = c;
    image.x += index * c.height * c.width * c.inputs;
    image.y += index * c.height * c.width * c.outputs;
    convolve(image, spare + thread * size);
  });
  return y;
}

struct Narrow : torch::autograd::Function<Narrow> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight) {
    context->save_for_backward({x, weight});
    return convolved(x, packed(weight));
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto &g = gradients[0];
    at::Tensor dx, dweight;
    // The gradient of the image is the convolution of g by the weight turned by half a turn, inputs and outputs exchanged.
    const bool own = context->needs_input_grad(0) && weight.size(1) == outputs;
    if (own) dx = convolved(g, packed(weight.transpose(0, 1).flip({2, 3})));
    if (context->needs_input_grad(1) || (context->needs_input_grad(0) && !own)) {
      auto [theirs, dw, none] = at::convolution_backward(
          g, x, weight, at::OptionalIntArrayRef(), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
          {context->needs_input_grad(0) && !own, context->needs_input_grad(1), false});
      if (!own) dx = theirs;
      dweight = dw;
    }
    return {dx, dweight};
  }
};

}  // namespace

at::Tensor conv2d(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, at::IntArrayRef stride, at::IntArrayRef padding,
    at::IntArrayRef dilation, int64_t groups) {
  const bool plain_float = plain(x) && x.scalar_type() == at::kFloat && plain(weight) && weight.scalar_type() == at::kFloat;
  const bool simple = x.dim() == 4 && weight.dim() == 4 && !bias.defined() && groups == 1 && all(stride, 1) &&
      all(padding, 1) && all(dilation, 1);
  if (plain_float && simple && !at::autocast::is_autocast_enabled(at::kCPU) && narrow(x, weight))
    return Narrow::apply(x, weight);
  return at::conv2d(x, weight, optional(bias), stride, padding, dilation, groups);
}

}  // namespace soup
