#include "functions.h"
#include "kernels.h"
#include "support.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

// A transformer's block as one function. Its matrix products are those of its linear layers; everything between them is here, in
// few passes: the residual with the norm that follows, a norm's gradient with the residual's, the biases' gradients with the
// products that make what they sum, and under autocast the conversions with all of these. Where only some tokens are read
// afterwards, only those go through: their queries, and what follows.

namespace soup {
namespace {

using kernels::LayerNormalization;

/// Rows per piece; sums over columns are made per piece, and then over pieces in their order.
constexpr int64_t piece = 64;

int64_t pieces(int64_t rows) { return (rows + piece - 1) / piece; }

template <class T>
T *data(const at::Tensor &t) {
  return t.defined() ? static_cast<T *>(const_cast<void *>(t.const_data_ptr())) : nullptr;
}

/// Calls `body` with a null pointer to the type of a tensor's elements.
template <class Body>
void typed(at::ScalarType type, Body &&body) {
  if (type == at::kFloat) {
    body(static_cast<float *>(nullptr));
  } else {
    body(static_cast<kernels::bf16 *>(nullptr));
  }
}

/// Sums over columns of one pass: a row for each piece, added at the end.
struct Sums {
  at::Tensor parts;

  Sums(int64_t rows, int64_t width) : parts(at::empty({pieces(rows), width}, at::kFloat)) {}
  float *row(int64_t index) { return parts.mutable_data_ptr<float>() + index * parts.size(1); }
  at::Tensor total() {
    auto sum = at::empty({parts.size(1)}, at::kFloat);
    kernels::best().sum_columns_f32(row(0), parts.size(0), parts.size(1), sum.mutable_data_ptr<float>());
    return sum;
  }
};

struct Normalized {
  at::Tensor sum, y, mean, deviation;
};

/// A norm of x, or of x + added, which then replaces `added` where that is float32. Rows are [R, D].
Normalized normalize(
    const at::Tensor &x, const at::Tensor &added, const at::Tensor &scale, const at::Tensor &shift, double epsilon,
    at::ScalarType type, bool saving) {
  Normalized result;
  int64_t rows = x.size(0);
  result.y = at::empty(x.sizes(), x.options().dtype(type));
  if (added.defined()) result.sum = type == at::kFloat ? added : at::empty_like(x);
  if (saving) {
    result.mean = at::empty({rows}, x.options());
    result.deviation = at::empty({rows}, x.options());
  }
  typed(type, [&](auto *tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    LayerNormalization<T> a{};
    a.width = x.size(1);
    a.x = data<float>(x);
    a.added = data<T>(added);
    a.sum = data<float>(result.sum);
    a.scale = data<float>(scale);
    a.shift = data<float>(shift);
    a.epsilon = static_cast<float>(epsilon);
    a.mean = data<float>(result.mean);
    a.inverse_deviation = data<float>(result.deviation);
    a.y = data<T>(result.y);
    kernels::each(pieces(rows), [&](int64_t index, int) {
      auto own = a;
      own.begin = index * piece;
      own.end = std::min(rows, own.begin + piece);
      if constexpr (std::is_same_v<T, float>) {
        kernels::best().layer_norm_f32(own);
      } else {
        kernels::best().layer_norm_bf16(own);
      }
    });
  });
  return result;
}

struct NormGradient {
  at::Tensor dx, low, dscale, dshift, total;
};

/// Of a norm at x with output gradient `dy`; `direct` is the gradient that reaches x past it, or undefined. `low` is dx in the type
/// of `dy` and `total` its sum over rows, where asked.
NormGradient normalize_backward(
    const at::Tensor &dy, const at::Tensor &x, const at::Tensor &mean, const at::Tensor &deviation, const at::Tensor &scale,
    const at::Tensor &direct, bool finishing) {
  int64_t rows = x.size(0), width = x.size(1);
  auto type = dy.scalar_type();
  NormGradient result;
  result.dx = at::empty_like(x);
  if (finishing && type != at::kFloat) result.low = at::empty_like(dy);
  Sums dscale(rows, width), dshift(rows, width), total(finishing ? rows : 1, width);
  typed(type, [&](auto *tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    kernels::each(pieces(rows), [&](int64_t index, int) {
      LayerNormalization<T> a{};
      a.width = width;
      a.begin = index * piece;
      a.end = std::min(rows, a.begin + piece);
      a.x = data<float>(x);
      a.scale = data<float>(scale);
      a.mean = data<float>(mean);
      a.inverse_deviation = data<float>(deviation);
      a.dy = data<T>(dy);
      a.direct = data<float>(direct);
      a.dx = data<float>(result.dx);
      a.low = data<T>(result.low);
      a.dscale = dscale.row(index);
      a.dshift = dshift.row(index);
      a.total = finishing ? total.row(index) : nullptr;
      if constexpr (std::is_same_v<T, float>) {
        kernels::best().layer_norm_backward_f32(a);
      } else {
        kernels::best().layer_norm_backward_bf16(a);
      }
    });
  });
  result.dscale = dscale.total();
  result.dshift = dshift.total();
  if (finishing) {
    result.total = total.total();
    if (!result.low.defined()) result.low = result.dx;
  }
  return result;
}

/// x + added in float32; float32 `added` is overwritten.
at::Tensor plus(const at::Tensor &x, const at::Tensor &added) {
  auto y = added.scalar_type() == at::kFloat ? added : at::empty_like(x);
  constexpr int64_t length = 16384;
  int64_t count = x.numel();
  const auto &table = kernels::best();
  kernels::each((count + length - 1) / length, [&](int64_t index, int) {
    int64_t begin = index * length;
    auto n = static_cast<size_t>(std::min(length, count - begin));
    if (added.scalar_type() == at::kFloat) {
      table.add_f32(data<float>(x) + begin, data<float>(added) + begin, data<float>(y) + begin, n);
    } else {
      table.add_bf16(data<float>(x) + begin, data<kernels::bf16>(added) + begin, data<float>(y) + begin, n);
    }
  });
  return y;
}

/// Σ over rows of [R, W], in float32.
at::Tensor column_sums(const at::Tensor &x) {
  int64_t rows = x.size(0), width = x.size(1);
  Sums sums(rows, width);
  kernels::each(pieces(rows), [&](int64_t index, int) {
    int64_t begin = index * piece, count = std::min(piece, rows - begin);
    if (x.scalar_type() == at::kFloat) {
      kernels::best().sum_columns_f32(data<float>(x) + begin * width, count, width, sums.row(index));
    } else {
      kernels::best().sum_columns_bf16(data<kernels::bf16>(x) + begin * width, count, width, sums.row(index));
    }
  });
  return sums.total();
}

/// float32 [R, W] in bfloat16, and its sums over rows.
std::pair<at::Tensor, at::Tensor> narrowed(const at::Tensor &x) {
  int64_t rows = x.size(0), width = x.size(1);
  auto y = at::empty(x.sizes(), x.options().dtype(at::kBFloat16));
  Sums sums(rows, width);
  kernels::each(pieces(rows), [&](int64_t index, int) {
    int64_t begin = index * piece;
    kernels::best().narrow_columns(
        data<float>(x) + begin * width, data<kernels::bf16>(y) + begin * width, std::min(piece, rows - begin), width,
        sums.row(index));
  });
  return {y, sums.total()};
}

/// x ← x · slope; returns the sums over rows.
at::Tensor scale_columns(const at::Tensor &x, const at::Tensor &slope) {
  int64_t rows = x.size(0), width = x.size(1);
  Sums sums(rows, width);
  kernels::each(pieces(rows), [&](int64_t index, int) {
    int64_t first = index * piece * width, count = std::min(piece, rows - index * piece);
    if (x.scalar_type() == at::kFloat) {
      kernels::best().multiply_columns_f32(
          data<float>(x) + first, data<float>(slope) + first, data<float>(x) + first, count, width, sums.row(index));
    } else {
      using kernels::bf16;
      kernels::best().multiply_columns_bf16(
          data<bf16>(x) + first, data<bf16>(slope) + first, data<bf16>(x) + first, count, width, sums.row(index));
    }
  });
  return sums.total();
}

/// GELU of x, whose derivative replaces x where asked.
at::Tensor activate(const at::Tensor &x, bool saving) {
  constexpr int64_t length = 16384;
  auto y = saving ? at::empty_like(x) : x;
  int64_t count = x.numel();
  kernels::each((count + length - 1) / length, [&](int64_t index, int) {
    int64_t begin = index * length;
    auto n = static_cast<size_t>(std::min(length, count - begin));
    if (x.scalar_type() == at::kFloat) {
      auto *from = data<float>(x) + begin;
      kernels::best().gelu_f32(from, data<float>(y) + begin, saving ? from : nullptr, n);
    } else {
      auto *from = data<kernels::bf16>(x) + begin;
      kernels::best().gelu_bf16(from, data<kernels::bf16>(y) + begin, saving ? from : nullptr, n);
    }
  });
  return y;
}

/// The tokens from `start` on of [N·T, D], as rows of their own.
at::Tensor some(const at::Tensor &rows, int64_t images, int64_t start, int64_t count) {
  return rows.view({images, -1, rows.size(1)}).narrow(1, start, count).contiguous().view({images * count, rows.size(1)});
}

/// The weights as the products read them.
struct Weights {
  at::Tensor qkv, qkv_bias, projection, projection_bias, fc1, fc1_bias, fc2, fc2_bias;

  Weights(const BlockWeights &w, at::ScalarType type)
      : qkv(w.qkv.to(type).contiguous()), qkv_bias(w.qkv_bias.to(type)), projection(w.projection.to(type).contiguous()),
        projection_bias(w.projection_bias.to(type)), fc1(w.fc1.to(type).contiguous()), fc1_bias(w.fc1_bias.to(type)),
        fc2(w.fc2.to(type).contiguous()), fc2_bias(w.fc2_bias.to(type)) {}
};

struct Settings {
  int64_t heads, start, count;
  double epsilon;
  at::ScalarType type;
};

/// What the backward pass reads.
struct Trace {
  Normalized first, second;
  at::Tensor q, others, lse, attended, slope, activated;
};

AttentionOperands operands(const at::Tensor &q, const at::Tensor &others, int64_t images, int64_t width, const Settings &s) {
  // All tokens: q, k and v side by side. Some: k and v side by side, q by itself.
  auto *from = static_cast<const char *>(others.const_data_ptr());
  auto bytes = width * static_cast<int64_t>(others.element_size());
  int64_t tokens = others.size(0) / images, stride = others.size(1), k = q.defined() ? 0 : 1;
  return {images,
          tokens,
          s.count,
          s.heads,
          width / s.heads,
          q.defined() ? width : stride,
          stride,
          others.scalar_type(),
          q.defined() ? q.const_data_ptr() : from,
          from + k * bytes,
          from + (k + 1) * bytes};
}

at::Tensor run(const at::Tensor &input, const BlockWeights &weights, const Settings &s, Trace *trace) {
  int64_t images = input.size(0), tokens = input.size(1), width = input.size(2);
  bool saving = trace != nullptr, all = s.count == tokens;
  Weights w(weights, s.type);
  Trace t;
  auto x = input.view({images * tokens, width});
  t.first = normalize(x, {}, weights.norm1, weights.shift1, s.epsilon, s.type, saving);
  if (all) {
    t.others = affine(t.first.y, w.qkv, w.qkv_bias);
  } else {
    t.q = affine(some(t.first.y, images, s.start, s.count), w.qkv.narrow(0, 0, width), w.qkv_bias.narrow(0, 0, width));
    t.others = affine(t.first.y, w.qkv.narrow(0, width, 2 * width), w.qkv_bias.narrow(0, width, 2 * width));
  }
  if (!saving) t.first.y = at::Tensor();
  t.attended = attend(operands(t.q, t.others, images, width, s), t.others.options(), saving ? &t.lse : nullptr)
                   .view({images * s.count, width});
  if (!saving) t.others = at::Tensor();
  auto residual = all ? x : some(x, images, s.start, s.count);
  t.second = normalize(
      residual, affine(t.attended, w.projection, w.projection_bias), weights.norm2, weights.shift2, s.epsilon, s.type, saving);
  t.slope = affine(t.second.y, w.fc1, w.fc1_bias);
  t.activated = activate(t.slope, saving);
  auto out = plus(t.second.sum, affine(t.activated, w.fc2, w.fc2_bias)).view({images, s.count, width});
  if (saving) *trace = std::move(t);
  return out;
}

struct Block : torch::autograd::Function<Block> {
  static at::Tensor forward(
      torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &norm1, const at::Tensor &shift1,
      const at::Tensor &qkv, const at::Tensor &qkv_bias, const at::Tensor &projection, const at::Tensor &projection_bias,
      const at::Tensor &norm2, const at::Tensor &shift2, const at::Tensor &fc1, const at::Tensor &fc1_bias,
      const at::Tensor &fc2, const at::Tensor &fc2_bias, int64_t heads, int64_t start, int64_t count, double epsilon,
      at::ScalarType type) {
    Settings s{heads, start, count, epsilon, type};
    Trace t;
    auto out = run(
        x, {norm1, shift1, qkv, qkv_bias, projection, projection_bias, norm2, shift2, fc1, fc1_bias, fc2, fc2_bias}, s, &t);
    context->save_for_backward(
        {x, norm1, qkv, projection, norm2, fc1, fc2, t.first.y, t.first.mean, t.first.deviation, t.q, t.others, t.lse,
         t.attended, t.second.sum, t.second.y, t.second.mean, t.second.deviation, t.slope, t.activated});
    context->saved_data["heads"] = heads;
    context->saved_data["start"] = start;
    context->saved_data["count"] = count;
    return out;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    c10::impl::ExcludeDispatchKeyGuard guard(c10::DispatchKeySet({c10::DispatchKey::AutocastCPU}));
    auto v = context->get_saved_variables();
    auto &norm1 = v[1], &norm2 = v[4], &y1 = v[7], &q = v[10], &others = v[11], &attended = v[13], &y2 = v[15],
         &slope = v[18], &activated = v[19];
    auto type = y1.scalar_type();
    int64_t images = v[0].size(0), tokens = v[0].size(1), width = v[0].size(2);
    Settings s{
        context->saved_data["heads"].toInt(), context->saved_data["start"].toInt(), context->saved_data["count"].toInt(), 0,
        type};
    bool all = s.count == tokens;
    auto wanted = [&](size_t input) { return context->needs_input_grad(input); };
    torch::autograd::variable_list result(18);
    auto x = v[0].view({images * tokens, width});
    auto g = gradients[0].contiguous().view({images * s.count, width});

    // The second half: x + fc2(gelu(fc1(norm2(x)))).
    auto low = g;
    if (type == at::kFloat) {
      if (wanted(12)) result[12] = column_sums(g);
    } else {
      std::tie(low, result[12]) = narrowed(g);
    }
    if (wanted(11)) result[11] = weight_gradient(low, activated);
    auto hidden = input_gradient(low, v[6].to(type));
    result[10] = scale_columns(hidden, slope);
    if (wanted(9)) result[9] = weight_gradient(hidden, y2);
    auto second = normalize_backward(
        input_gradient(hidden, v[5].to(type)), v[14], v[16], v[17], norm2, g, /*finishing=*/true);
    hidden = low = at::Tensor();
    result[7] = second.dscale;
    result[8] = second.dshift;

    // The first: x + proj(attention(norm1(x))).
    result[6] = second.total;
    if (wanted(5)) result[5] = weight_gradient(second.low, attended);
    auto dattended = input_gradient(second.low, v[3].to(type)).contiguous();
    auto dq = q.defined() ? at::empty_like(q) : at::Tensor(), dothers = at::empty_like(others);
    auto operand = operands(q, others, images, width, s), gradient = operands(dq, dothers, images, width, s);
    attend_backward(
        operand, dattended, v[12], const_cast<void *>(gradient.q), const_cast<void *>(gradient.k),
        const_cast<void *>(gradient.v));
    auto weight = v[2].to(type);
    at::Tensor dy, direct;
    if (all) {
      if (wanted(3)) result[3] = weight_gradient(dothers, y1);
      result[4] = column_sums(dothers);
      dy = input_gradient(dothers, weight);
      direct = second.dx;
    } else {
      if (wanted(3))
        result[3] = at::cat({weight_gradient(dq, some(y1, images, s.start, s.count)), weight_gradient(dothers, y1)});
      result[4] = at::cat({column_sums(dq), column_sums(dothers)});
      dy = input_gradient(dothers, weight.narrow(0, width, 2 * width)).contiguous();
      auto own = input_gradient(dq, weight.narrow(0, 0, width)).view({images, s.count, width});
      dy.view({images, tokens, width}).narrow(1, s.start, s.count).add_(own);
    }
    auto first = normalize_backward(dy, x, v[8], v[9], norm1, direct, /*finishing=*/false);
    result[1] = first.dscale;
    result[2] = first.dshift;
    result[0] = first.dx.view(v[0].sizes());
    if (!all) result[0].narrow(1, s.start, s.count).add_(second.dx.view({images, s.count, width}));
    for (size_t i = 0; i < 13; ++i)
      if (!wanted(i)) result[i] = at::Tensor();
    return result;
  }
};

/// Of LibTorch's operations, for what our kernels do not take.
at::Tensor composed(
    const at::Tensor &x, const BlockWeights &w, int64_t heads, double epsilon, int64_t start, int64_t count) {
  int64_t images = x.size(0), tokens = x.size(1), width = x.size(2), each = width / heads;
  auto y = at::layer_norm(x, {width}, w.norm1, w.shift1, epsilon);
  auto residual = x;
  at::Tensor attended;
  if (count == tokens) {
    attended = attention(linear(y, w.qkv, w.qkv_bias), heads);
  } else {
    auto split = [&](const at::Tensor &t) { return t.view({images, -1, heads, each}).transpose(1, 2); };
    auto q = linear(y.narrow(1, start, count), w.qkv.narrow(0, 0, width), w.qkv_bias.narrow(0, 0, width));
    auto others = linear(y, w.qkv.narrow(0, width, 2 * width), w.qkv_bias.narrow(0, width, 2 * width));
    attended = at::scaled_dot_product_attention(
                   split(q), split(others.narrow(2, 0, width).contiguous()), split(others.narrow(2, width, width).contiguous()))
                   .transpose(1, 2)
                   .reshape({images, count, width});
    residual = x.narrow(1, start, count);
  }
  auto middle = residual + linear(attended, w.projection, w.projection_bias);
  auto hidden = linear(at::layer_norm(middle, {width}, w.norm2, w.shift2, epsilon), w.fc1, w.fc1_bias);
  return middle + linear(soup::gelu(hidden), w.fc2, w.fc2_bias);
}

}  // namespace

at::Tensor transformer_block(
    const at::Tensor &x, const BlockWeights &w, int64_t heads, double epsilon, int64_t start, int64_t count) {
  TORCH_CHECK(
      x.dim() == 3 && heads > 0 && x.size(2) % heads == 0 && start >= 0 && count > 0 && start + count <= x.size(1),
      "a block of ", heads, " heads expects [N, tokens, D] and some of its tokens, found ", x.sizes(), " and ", count,
      " tokens from ", start);
  auto cast = at::autocast::is_autocast_enabled(at::kCPU);
  bool learning = false;
  bool fits = !cast || at::autocast::get_autocast_dtype(at::kCPU) == at::kBFloat16;
  for (const auto *t :
       {&x, &w.norm1, &w.shift1, &w.qkv, &w.qkv_bias, &w.projection, &w.projection_bias, &w.norm2, &w.shift2, &w.fc1,
        &w.fc1_bias, &w.fc2, &w.fc2_bias}) {
    learning = learning || (t->defined() && recorded(*t));
    fits = fits && t->defined() && t->is_cpu() && t->scalar_type() == at::kFloat && t->layout() == at::kStrided;
  }
  fits = fits && x.numel() > 0 && x.size(2) % 16 == 0 && w.fc1.size(0) % 16 == 0 &&
         AttentionOperands::fits(x.size(1), heads, x.size(2));
  if (!fits) return composed(x, w, heads, epsilon, start, count);
  auto type = cast ? at::kBFloat16 : at::kFloat;
  // The conversions are made here.
  c10::impl::ExcludeDispatchKeyGuard guard(c10::DispatchKeySet({c10::DispatchKey::AutocastCPU}));
  auto input = x.contiguous();
  if (learning)
    return Block::apply(
        input, w.norm1, w.shift1, w.qkv, w.qkv_bias, w.projection, w.projection_bias, w.norm2, w.shift2, w.fc1, w.fc1_bias,
        w.fc2, w.fc2_bias, heads, start, count, epsilon, type);
  return run(input, w, {heads, start, count, epsilon, type}, nullptr);
}

}  // namespace soup

using namespace soup;

ct_status ct_transformer_block(
    ct_tensor input, ct_block_weights w, ptrdiff_t heads, double epsilon, ptrdiff_t start, ptrdiff_t count, ct_tensor *out,
    ct_error *error) {
  return produce(out, error, [&] {
    return transformer_block(
        tensor(input),
        {tensor(w.norm1), tensor(w.shift1), tensor(w.qkv), tensor(w.qkv_bias), tensor(w.projection),
         tensor(w.projection_bias), tensor(w.norm2), tensor(w.shift2), tensor(w.fc1), tensor(w.fc1_bias), tensor(w.fc2),
         tensor(w.fc2_bias)},
        heads, epsilon, start, count);
  });
}
