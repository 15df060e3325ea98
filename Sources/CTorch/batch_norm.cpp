#include "functions.h"
#include "kernels.h"
#include "support.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

// Batch norm, residual and ReLU of channels-last images in one pass over memory forward and two backward, where LibTorch makes
// three operations of them: a quarter of a small ResNet's training step is spent on moving these images.

namespace soup {
namespace {

/// Pixels per piece: partial sums are taken over so many, whatever the number of threads, and then added in order.
constexpr int64_t piece = 512;

struct Sums {
  std::vector<double> first, second;
};

/// Runs `kernel` on every piece and adds up its two sums per channel; `combine` sees each piece's sums in order.
template <class T, class Kernel, class Combine>
void summed(const kernels::Normalization<T> &whole, Kernel kernel, Combine &&combine) {
  int64_t rows = whole.end, channels = whole.channels, pieces = (rows + piece - 1) / piece;
  std::vector<double> first(pieces * channels), second(pieces * channels);
  std::vector<float> scratch(static_cast<size_t>(kernels::thread_limit()) * (2 * channels + 16));
  kernels::each(pieces, [&](int64_t i, int thread) {
    auto part = whole;
    part.begin = i * piece;
    part.end = std::min(rows, part.begin + piece);
    kernel(part, &first[i * channels], &second[i * channels], &scratch[static_cast<size_t>(thread) * (2 * channels + 16)]);
  });
  for (int64_t i = 0; i < pieces; ++i)
    combine(std::min(piece, rows - i * piece), &first[i * channels], &second[i * channels]);
}

template <class T, class Kernel>
void in_pieces(const kernels::Normalization<T> &whole, Kernel kernel) {
  kernels::each((whole.end + piece - 1) / piece, [&](int64_t i, int) {
    auto part = whole;
    part.begin = i * piece;
    part.end = std::min(whole.end, part.begin + piece);
    kernel(part);
  });
}

/// Chooses the kernel for the dtype.
template <class T> struct Kernels;
template <> struct Kernels<float> {
  static auto moments() { return kernels::best().moments_f32; }
  static auto normalize() { return kernels::best().normalize_f32; }
  static auto sums() { return kernels::best().normalize_sums_f32; }
  static auto backward() { return kernels::best().normalize_backward_f32; }
};
template <> struct Kernels<kernels::bf16> {
  static auto moments() { return kernels::best().moments_bf16; }
  static auto normalize() { return kernels::best().normalize_bf16; }
  static auto sums() { return kernels::best().normalize_sums_bf16; }
  static auto backward() { return kernels::best().normalize_backward_bf16; }
};

template <class T>
kernels::Normalization<T> description(const at::Tensor &x, bool relu) {
  kernels::Normalization<T> a{};
  a.channels = x.size(1);
  a.begin = 0;
  a.end = x.numel() / a.channels;
  a.x = static_cast<const T *>(x.const_data_ptr());
  a.relu = relu;
  return a;
}

template <class T>
const T *data(const at::Tensor &x) { return x.defined() ? static_cast<const T *>(x.const_data_ptr()) : nullptr; }

template <class T>
T *writable(at::Tensor &x) { return x.defined() ? static_cast<T *>(x.mutable_data_ptr()) : nullptr; }

/// Mean and variance (divisor n) of every channel, by Chan's combination of the pieces' own moments.
template <class T>
Sums statistics(const at::Tensor &x) {
  auto whole = description<T>(x, false);
  int64_t channels = whole.channels;
  Sums result{std::vector<double>(channels), std::vector<double>(channels)};
  double seen = 0;
  summed(whole, Kernels<T>::moments(), [&](int64_t rows, const double *sum, const double *deviation) {
    double count = static_cast<double>(rows), all = seen + count;
    for (int64_t c = 0; c < channels; ++c) {
      double difference = sum[c] / count - result.first[c];
      result.first[c] += difference * count / all;
      result.second[c] += deviation[c] + difference * difference * seen * count / all;
    }
    seen = all;
  });
  for (auto &v : result.second) v /= seen;
  return result;
}

template <class T>
at::Tensor normalized(
    const at::Tensor &x, const std::vector<float> &scale, const std::vector<float> &shift, const at::Tensor &residual,
    bool relu) {
  auto y = at::empty_like(x);
  auto a = description<T>(x, relu);
  a.residual = data<T>(residual);
  a.scale = scale.data();
  a.shift = shift.data();
  a.y = writable<T>(y);
  in_pieces(a, Kernels<T>::normalize());
  return y;
}

struct Normalized {
  at::Tensor y, mean, inverse;
};

template <class T>
Normalized train(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &running_mean,
    const at::Tensor &running_variance, double momentum, double epsilon, const at::Tensor &residual, bool relu) {
  int64_t channels = x.size(1);
  auto found = statistics<T>(x);
  auto mean = at::empty({channels}, at::kFloat), inverse = at::empty({channels}, at::kFloat);
  auto *m = mean.mutable_data_ptr<float>(), *s = inverse.mutable_data_ptr<float>();
  auto *w = weight.const_data_ptr<float>(), *b = bias.const_data_ptr<float>();
  auto *rm = running_mean.mutable_data_ptr<float>(), *rv = running_variance.mutable_data_ptr<float>();
  double count = static_cast<double>(x.numel() / channels), unbiased = count / std::max(count - 1, 1.0);
  std::vector<float> scale(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double factor = 1 / std::sqrt(found.second[c] + epsilon);
    m[c] = static_cast<float>(found.first[c]);
    s[c] = static_cast<float>(factor);
    scale[c] = static_cast<float>(w[c] * factor);
    shift[c] = static_cast<float>(b[c] - found.first[c] * w[c] * factor);
    rm[c] = static_cast<float>(momentum * found.first[c] + (1 - momentum) * rm[c]);
    rv[c] = static_cast<float>(momentum * found.second[c] * unbiased + (1 - momentum) * rv[c]);
  }
  return {normalized<T>(x, scale, shift, residual, relu), mean, inverse};
}

struct Gradients {
  at::Tensor x, weight, bias, residual;
};

template <class T>
Gradients differentiate(
    const at::Tensor &dy, const at::Tensor &x, const at::Tensor &y, const at::Tensor &weight, const at::Tensor &mean,
    const at::Tensor &inverse, bool has_residual, bool relu, bool frozen = false) {
  int64_t channels = x.size(1);
  Gradients g;
  g.x = at::empty_like(x);
  g.weight = at::empty({channels}, at::kFloat);
  g.bias = at::empty({channels}, at::kFloat);
  // Without ReLU the residual's gradient is dy itself.
  bool masked = has_residual && relu;
  if (masked) g.residual = at::empty_like(x);
  if (has_residual && !relu) g.residual = dy;

  auto a = description<T>(x, relu);
  a.dy = data<T>(dy);
  a.y = const_cast<T *>(data<T>(y));
  a.mean = mean.const_data_ptr<float>();
  a.dresidual = masked ? writable<T>(g.residual) : nullptr;
  std::vector<double> sum(channels), product(channels);
  summed(a, Kernels<T>::sums(), [&](int64_t, const double *first, const double *second) {
    for (int64_t c = 0; c < channels; ++c) {
      sum[c] += first[c];
      product[c] += second[c];
    }
  });
  // dx = γ/σ · (g − mean(g) − x̂ · mean(g · x̂)) = g · scale + x · slope + shift; by given statistics only γ/σ · g
  auto *w = weight.const_data_ptr<float>(), *s = inverse.const_data_ptr<float>(), *m = a.mean;
  auto *dw = g.weight.mutable_data_ptr<float>(), *db = g.bias.mutable_data_ptr<float>();
  double count = static_cast<double>(a.end);
  std::vector<float> scale(channels), slope(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    double factor = static_cast<double>(w[c]) * s[c], along = frozen ? 0 : product[c] * s[c] * s[c] / count * factor;
    dw[c] = static_cast<float>(product[c] * s[c]);
    db[c] = static_cast<float>(sum[c]);
    scale[c] = static_cast<float>(factor);
    slope[c] = static_cast<float>(-along);
    shift[c] = static_cast<float>(along * m[c] - (frozen ? 0 : factor * sum[c] / count));
  }
  a.scale = scale.data();
  a.slope = slope.data();
  a.shift = shift.data();
  a.dx = writable<T>(g.x);
  in_pieces(a, Kernels<T>::backward());
  return g;
}

struct BatchNorm : torch::autograd::Function<BatchNorm> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
      const std::optional<at::Tensor> &addend, const at::Tensor &running_mean, const at::Tensor &running_variance,
      double momentum, double epsilon, bool relu) {
    auto residual = addend.value_or(at::Tensor());
    auto result = x.scalar_type() == at::kFloat
        ? train<float>(x, weight, bias, running_mean, running_variance, momentum, epsilon, residual, relu)
        : train<kernels::bf16>(x, weight, bias, running_mean, running_variance, momentum, epsilon, residual, relu);
    context->save_for_backward({x, weight, result.mean, result.inverse, relu ? result.y : at::Tensor()});
    context->saved_data["residual"] = residual.defined();
    context->saved_data["relu"] = relu;
    return result.y;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto x = saved[0];
    auto dy = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    bool residual = context->saved_data["residual"].toBool(), relu = context->saved_data["relu"].toBool();
    auto g = x.scalar_type() == at::kFloat
        ? differentiate<float>(dy, x, saved[4], saved[1], saved[2], saved[3], residual, relu)
        : differentiate<kernels::bf16>(dy, x, saved[4], saved[1], saved[2], saved[3], residual, relu);
    return {g.x, g.weight, g.bias, g.residual, {}, {}, {}, {}, {}};
  }
};

/// Batch norm by given statistics, which are constants to it, with gradients for everything else.
struct FrozenBatchNorm : torch::autograd::Function<FrozenBatchNorm> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
      const std::optional<at::Tensor> &addend, const at::Tensor &mean, const at::Tensor &variance, double epsilon,
      bool relu) {
    auto residual = addend.value_or(at::Tensor());
    auto inverse = at::rsqrt(variance.to(at::kDouble) + epsilon).to(at::kFloat);
    int64_t channels = x.size(1);
    std::vector<float> scale(channels), shift(channels);
    auto *w = weight.const_data_ptr<float>(), *b = bias.const_data_ptr<float>();
    auto *m = mean.const_data_ptr<float>(), *s = inverse.const_data_ptr<float>();
    for (int64_t c = 0; c < channels; ++c) {
      double factor = static_cast<double>(w[c]) * s[c];
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(b[c] - m[c] * factor);
    }
    auto y = x.scalar_type() == at::kFloat ? normalized<float>(x, scale, shift, residual, relu)
                                           : normalized<kernels::bf16>(x, scale, shift, residual, relu);
    context->save_for_backward({x, weight, mean, inverse, relu ? y : at::Tensor()});
    context->saved_data["residual"] = residual.defined();
    context->saved_data["relu"] = relu;
    return y;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto x = saved[0];
    auto dy = gradients[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    bool residual = context->saved_data["residual"].toBool(), relu = context->saved_data["relu"].toBool();
    auto g = x.scalar_type() == at::kFloat
        ? differentiate<float>(dy, x, saved[4], saved[1], saved[2], saved[3], residual, relu, /*frozen=*/true)
        : differentiate<kernels::bf16>(dy, x, saved[4], saved[1], saved[2], saved[3], residual, relu, /*frozen=*/true);
    return {g.x, g.weight, g.bias, g.residual, {}, {}, {}, {}};
  }
};

/// The image with channels innermost, if our kernels can then take it. Convolutions keep the format, so this copies once.
at::Tensor innermost(const at::Tensor &x) {
  if (!x.defined() || !plain(x) || x.dim() != 4 || x.size(1) % 16 != 0) return x;
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// A channels-last image whose channels fill whole vectors.
bool suits(const at::Tensor &x) {
  return plain(x) && x.dim() == 4 && x.numel() > 0 && x.size(1) % 16 == 0 &&
      x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

bool is_vector(const at::Tensor &v, int64_t channels) {
  return v.defined() && v.is_cpu() && v.scalar_type() == at::kFloat && v.numel() == channels && v.is_contiguous();
}

}  // namespace

template <class T>
static void finish_typed(at::Tensor &image, const std::vector<float> &shift, const at::Tensor &residual, bool relu) {
  std::vector<float> ones(shift.size(), 1.0f);
  auto a = description<T>(image, relu);
  a.residual = data<T>(residual);
  a.scale = ones.data();
  a.shift = shift.data();
  a.y = writable<T>(image);
  in_pieces(a, Kernels<T>::normalize());
}

void finish(at::Tensor image, const at::Tensor &bias, const at::Tensor &residual, bool relu) {
  TORCH_CHECK(suits(image), "a channels-last image with channels in multiples of 16 was expected, found ", image.sizes());
  auto addend = innermost(residual);
  TORCH_CHECK(
      !addend.defined() || (addend.sizes() == image.sizes() && addend.scalar_type() == image.scalar_type() && suits(addend)),
      "a residual of shape ", image.sizes(), " was expected, found ", residual.sizes());
  std::vector<float> shift(image.size(1));
  if (bias.defined()) {
    auto values = bias.to(at::kFloat).contiguous();
    TORCH_CHECK(values.numel() == image.size(1), "a bias of ", image.size(1), " values was expected");
    std::copy_n(values.const_data_ptr<float>(), shift.size(), shift.begin());
  }
  if (image.scalar_type() == at::kFloat) {
    finish_typed<float>(image, shift, addend, relu);
  } else {
    finish_typed<kernels::bf16>(image, shift, addend, relu);
  }
}

at::Tensor batch_norm(
    const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &mean,
    const at::Tensor &variance, bool training, double momentum, double epsilon, const at::Tensor &addend, bool relu) {
  auto x = innermost(input), residual = innermost(addend);
  int64_t channels = x.dim() == 4 ? x.size(1) : -1;
  bool fits = suits(x) && is_vector(weight, channels) && is_vector(bias, channels) && is_vector(mean, channels) &&
      is_vector(variance, channels);
  if (fits && residual.defined())
    fits = residual.sizes() == x.sizes() && residual.scalar_type() == x.scalar_type() && suits(residual);
  bool any = recorded(x) || recorded(weight) || recorded(bias) || (residual.defined() && recorded(residual));
  if (fits && training && x.numel() > channels)
    return BatchNorm::apply(x, weight, bias, optional(residual), mean, variance, momentum, epsilon, relu);
  if (fits && !training && any) return FrozenBatchNorm::apply(x, weight, bias, optional(residual), mean, variance, epsilon, relu);
  if (fits && !training && !any) {
    std::vector<float> scale(channels), shift(channels);
    auto *w = weight.const_data_ptr<float>(), *b = bias.const_data_ptr<float>();
    auto *m = mean.const_data_ptr<float>(), *v = variance.const_data_ptr<float>();
    for (int64_t c = 0; c < channels; ++c) {
      double factor = w[c] / std::sqrt(static_cast<double>(v[c]) + epsilon);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(b[c] - m[c] * factor);
    }
    return x.scalar_type() == at::kFloat ? normalized<float>(x, scale, shift, residual, relu)
                                         : normalized<kernels::bf16>(x, scale, shift, residual, relu);
  }
  auto y = at::batch_norm(x, weight, bias, mean, variance, training, momentum, epsilon, /*cudnn_enabled=*/true);
  if (residual.defined()) y = y + residual;
  return relu ? at::relu(y) : y;
}

}  // namespace soup
