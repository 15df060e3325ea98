#include "functions.h"
#include "kernels.h"
#include "support.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

// Attention over the few tokens of an image fits in the cache, head by head. LibTorch's kernels are made for long sequences:
// at 50 tokens their bfloat16 backward pass takes 37 % of a ViT's training step, and packing and unpacking q, k and v costs
// copies of whole activations. Here a head reads its part of the projection's output and writes its part of the gradient.

namespace soup {
namespace {

constexpr int64_t longest = 512;  // scores of one head in a second-level cache of 1 MB

struct Shape {
  int64_t images, tokens, heads, width;

  Shape(const at::Tensor &qkv, int64_t heads)
      : images(qkv.size(0)), tokens(qkv.size(1)), heads(heads), width(qkv.size(2) / 3 / heads) {}
};

template <class T, class Body>
void each_head(const Shape &shape, bool backward, Body &&body) {
  size_t floats = kernels::best().attention_scratch(shape.tokens, shape.width, backward);
  // One buffer per thread, apart by a cache line.
  auto scratch = at::empty({kernels::thread_limit(), static_cast<int64_t>(floats) + 16}, at::kFloat);
  auto *memory = scratch.mutable_data_ptr<float>();
  kernels::each(shape.images * shape.heads, [&](int64_t i, int thread) {
    body(i / shape.heads, i % shape.heads, memory + static_cast<int64_t>(thread) * (static_cast<int64_t>(floats) + 16));
  });
}

/// Where the parts of one head begin.
template <class T>
kernels::Attention<T> head(const Shape &s, int64_t image, int64_t index, const T *qkv, T *out, float *lse, T *gradient) {
  int64_t all = s.heads * s.width, first = image * s.tokens * 3 * all + index * s.width;
  kernels::Attention<T> a{};
  a.tokens = s.tokens;
  a.width = s.width;
  a.stride = 3 * all;
  a.out_stride = all;
  a.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(s.width)));
  a.q = qkv + first;
  a.k = a.q + all;
  a.v = a.k + all;
  a.out = out + image * s.tokens * all + index * s.width;
  a.lse = lse == nullptr ? nullptr : lse + (image * s.heads + index) * s.tokens;
  if (gradient != nullptr) {
    a.dq = gradient + first;
    a.dk = a.dq + all;
    a.dv = a.dk + all;
  }
  return a;
}

template <class T, class Kernel>
void forward_typed(const Shape &s, const at::Tensor &qkv, at::Tensor &out, float *lse, Kernel kernel) {
  auto *from = static_cast<const T *>(qkv.const_data_ptr());
  auto *to = static_cast<T *>(out.mutable_data_ptr());
  each_head<T>(s, false, [&](int64_t image, int64_t index, float *scratch) {
    kernel(head<T>(s, image, index, from, to, lse, nullptr), scratch);
  });
}

template <class T, class Kernel>
void backward_typed(
    const Shape &s, const at::Tensor &qkv, const at::Tensor &dout, float *lse, at::Tensor &gradient, Kernel kernel) {
  auto *from = static_cast<const T *>(qkv.const_data_ptr());
  auto *out = const_cast<T *>(static_cast<const T *>(dout.const_data_ptr()));
  auto *to = static_cast<T *>(gradient.mutable_data_ptr());
  each_head<T>(s, true, [&](int64_t image, int64_t index, float *scratch) {
    kernel(head<T>(s, image, index, from, out, lse, to), scratch);
  });
}

at::Tensor forward_into(const at::Tensor &qkv, int64_t heads, at::Tensor *lse) {
  Shape s(qkv, heads);
  auto out = at::empty({s.images, s.tokens, s.heads * s.width}, qkv.options());
  if (lse != nullptr) *lse = at::empty({s.images, s.heads, s.tokens}, qkv.options().dtype(at::kFloat));
  float *sums = lse == nullptr ? nullptr : lse->mutable_data_ptr<float>();
  const auto &table = kernels::best();
  if (qkv.scalar_type() == at::kFloat) {
    forward_typed<float>(s, qkv, out, sums, table.attention_f32);
  } else {
    forward_typed<kernels::bf16>(s, qkv, out, sums, table.attention_bf16);
  }
  return out;
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, int64_t heads) {
    auto qkv = input.contiguous();
    at::Tensor lse;
    auto out = forward_into(qkv, heads, &lse);
    context->save_for_backward({qkv, lse});
    context->saved_data["heads"] = heads;
    return out;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto qkv = saved[0], lse = saved[1];
    Shape s(qkv, context->saved_data["heads"].toInt());
    auto dout = gradients[0].contiguous();
    auto gradient = at::empty_like(qkv);
    const auto &table = kernels::best();
    auto *sums = lse.mutable_data_ptr<float>();
    if (qkv.scalar_type() == at::kFloat) {
      backward_typed<float>(s, qkv, dout, sums, gradient, table.attention_backward_f32);
    } else {
      backward_typed<kernels::bf16>(s, qkv, dout, sums, gradient, table.attention_backward_bf16);
    }
    return {gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor &qkv, int64_t heads) {
  TORCH_CHECK(
      qkv.dim() == 3 && heads > 0 && qkv.size(2) % (3 * heads) == 0, "attention expects [N, tokens, 3 * heads * d] with ",
      heads, " heads, found ", qkv.sizes());
  auto n = qkv.size(0), tokens = qkv.size(1), width = qkv.size(2) / 3, each = width / heads;
  if (plain(qkv) && qkv.numel() > 0 && tokens <= longest && each % 16 == 0 && each <= 256) {
    if (recorded(qkv)) return PackedAttention::apply(qkv, heads);
    return forward_into(qkv.contiguous(), heads, nullptr);
  }
  auto parts = qkv.reshape({n, tokens, 3, heads, each}).permute({2, 0, 3, 1, 4}).unbind(0);
  return at::scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape({n, tokens, width});
}

}  // namespace soup
