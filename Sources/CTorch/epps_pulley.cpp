#include "kernels.h"
#include "support.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <vector>

// The statistic needs cos and sin of every projection at every knot: [V, N, K, knots] in eager PyTorch, which is written and read
// several times. Knots are equally spaced, so all of them follow from the first by turning, and nothing of that size is stored.

namespace soup {
namespace {

/// Slices that are worked on together.
constexpr int64_t block = 64;

template <class T>
struct Slices {
  void (*sum)(
      const T *cosine, const T *sine, int64_t rows, int64_t stride, int64_t width, int64_t turns, T *cosines, T *sines);
  void (*differentiate)(
      const T *cosine, const T *sine, int64_t rows, int64_t stride, int64_t width, int64_t turns, const T *along,
      const T *across, T *gradient);
};

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
namespace avx512 {
#include "slices.inc"
}  // namespace avx512
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#include "slices.inc"
}  // namespace avx2
#pragma clang attribute pop
#endif
namespace baseline {
#include "slices.inc"
}  // namespace baseline

template <class T>
const Slices<T> &best();

template <>
const Slices<float> &best() {
#if defined(__x86_64__)
  auto lanes = kernels::best().lanes;
  if (lanes == 16) return avx512::floats;
  if (lanes == 8) return avx2::floats;
#endif
  return baseline::floats;
}

template <>
const Slices<double> &best() {
#if defined(__x86_64__)
  auto lanes = kernels::best().lanes;
  if (lanes == 16) return avx512::doubles;
  if (lanes == 8) return avx2::doubles;
#endif
  return baseline::doubles;
}

/// t_j = limit · j / (knots − 1), φ_j = exp(−t_j²/2), and weights of the trapezoid rule over [−limit, limit] times φ_j.
struct Knots {
  std::vector<double> at, normal, weight;

  Knots(int64_t count, double limit) {
    double step = limit / static_cast<double>(count - 1);
    for (int64_t j = 0; j < count; ++j) {
      at.push_back(step * static_cast<double>(j));
      normal.push_back(std::exp(-at.back() * at.back() / 2));
      weight.push_back((j == 0 || j == count - 1 ? step : 2 * step) * normal.back());
    }
  }
};

/// At knot 0 both functions are 1, so it adds nothing.
struct EppsPulley : torch::autograd::Function<EppsPulley> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &projections, int64_t knots, double limit) {
    auto y = projections.contiguous();
    return y.scalar_type() == at::kFloat ? typed<float>(context, y, knots, limit) : typed<double>(context, y, knots, limit);
  }

  template <class T>
  static at::Tensor typed(torch::autograd::AutogradContext *context, const at::Tensor &y, int64_t count, double limit) {
    Knots knots(count, limit);
    int64_t views = y.size(0), rows = y.size(1), slices = y.size(2), turns = count - 1;
    int64_t blocks = (slices + block - 1) / block;
    auto angle = y * knots.at[1];
    auto cosine = at::cos(angle), sine = at::sin(angle);
    // What the gradient multiplies cos and sin of each knot with, for each block of slices.
    auto along = at::zeros({views, blocks, turns, block}, y.options()), across = at::zeros_like(along);
    std::vector<double> parts(views * blocks);
    auto *c = cosine.template const_data_ptr<T>(), *s = sine.template const_data_ptr<T>();
    auto *p = along.template mutable_data_ptr<T>(), *q = across.template mutable_data_ptr<T>();
    kernels::each(views * blocks, [&](int64_t piece, int) {
      int64_t view = piece / blocks, first = piece % blocks * block, width = std::min(block, slices - first);
      T *cosines = p + piece * turns * block, *sines = q + piece * turns * block;
      std::vector<double> real(turns * block), imaginary(turns * block);
      // Sums of so many samples at a time, so that float32 loses nothing over large batches.
      for (int64_t begin = 0; begin < rows; begin += 256) {
        std::fill_n(cosines, turns * block, T(0));
        std::fill_n(sines, turns * block, T(0));
        int64_t start = (view * rows + begin) * slices + first;
        best<T>().sum(c + start, s + start, std::min<int64_t>(256, rows - begin), slices, width, turns, cosines, sines);
        for (int64_t i = 0; i < turns * block; ++i) {
          real[i] += cosines[i];
          imaginary[i] += sines[i];
        }
      }
      double sum = 0, count = static_cast<double>(rows), share = 1 / static_cast<double>(views * slices);
      for (int64_t j = 0; j < turns; ++j) {
        for (int64_t k = 0; k < width; ++k) {
          int64_t i = j * block + k;
          double a = real[i] / count - knots.normal[j + 1], b = imaginary[i] / count;
          sum += knots.weight[j + 1] * (a * a + b * b);
          double slope = 2 * knots.weight[j + 1] * knots.at[j + 1] * share;
          cosines[i] = static_cast<T>(slope * b);
          sines[i] = static_cast<T>(-slope * a);
        }
      }
      parts[piece] = sum * count * share;
    });
    context->save_for_backward({cosine, sine, along, across});
    double total = 0;
    for (double part : parts) total += part;
    return at::scalar_tensor(total, y.options());
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto gradient = saved[0].scalar_type() == at::kFloat ? differentiated<float>(saved) : differentiated<double>(saved);
    return {gradient * gradients[0], {}, {}};
  }

  template <class T>
  static at::Tensor differentiated(const torch::autograd::variable_list &saved) {
    auto &cosine = saved[0], &sine = saved[1], &along = saved[2], &across = saved[3];
    int64_t views = cosine.size(0), rows = cosine.size(1), slices = cosine.size(2);
    int64_t blocks = along.size(1), turns = along.size(2);
    auto gradient = at::empty_like(cosine);
    auto *c = cosine.template const_data_ptr<T>(), *s = sine.template const_data_ptr<T>();
    auto *p = along.template const_data_ptr<T>(), *q = across.template const_data_ptr<T>();
    auto *g = gradient.template mutable_data_ptr<T>();
    kernels::each(views * blocks, [&](int64_t piece, int) {
      int64_t view = piece / blocks, first = piece % blocks * block, width = std::min(block, slices - first);
      int64_t start = view * rows * slices + first;
      best<T>().differentiate(
          c + start, s + start, rows, slices, width, turns, p + piece * turns * block, q + piece * turns * block, g + start);
    });
    return gradient;
  }
};

/// The same of LibTorch's own operations, for devices that our loops do not run on.
at::Tensor composed(const at::Tensor &y, int64_t count, double limit) {
  Knots knots(count, limit);
  auto options = y.options();
  auto at_ = at::tensor(knots.at, options), normal = at::tensor(knots.normal, options);
  auto weight = at::tensor(knots.weight, options);
  auto angle = y.unsqueeze(-1) * at_;
  auto error = (at::cos(angle).mean({1}) - normal).square() + at::sin(angle).mean({1}).square();  // [V, K, knots]
  return (error * weight).sum({-1}).mean() * static_cast<double>(y.size(1));
}

}  // namespace
}  // namespace soup

using namespace soup;

ct_status ct_epps_pulley(ct_tensor projections, ptrdiff_t knots, double limit, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto y = tensor(projections);
    TORCH_CHECK(
        y.dim() == 3 && y.numel() > 0 && (y.scalar_type() == at::kFloat || y.scalar_type() == at::kDouble),
        "projections are float32 or float64 [views, samples, slices], found ", y.scalar_type(), " ", y.sizes());
    TORCH_CHECK(knots >= 2 && knots <= 4096 && limit > 0, "2 to 4096 knots up to a limit above 0, found ", knots, " up to ", limit);
    return y.is_cpu() ? EppsPulley::apply(y, knots, limit) : composed(y, knots, limit);
  });
}
