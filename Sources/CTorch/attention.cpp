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

using Operands = AttentionOperands;

/// Calls `body(image, head, scratch)` for each head of each image.
template <class Body>
void each_head(const Operands &a, bool backward, Body &&body) {
  auto floats = static_cast<int64_t>(kernels::best().attention_scratch(a.tokens, a.width, backward)) + 16;
  // One buffer per thread, apart by a cache line.
  auto scratch = at::empty({kernels::thread_limit(), floats}, at::kFloat);
  auto *memory = scratch.mutable_data_ptr<float>();
  kernels::each(a.images * a.heads, [&](int64_t i, int thread) {
    body(i / a.heads, i % a.heads, memory + static_cast<int64_t>(thread) * floats);
  });
}

/// Where the parts of one head begin.
template <class T>
kernels::Attention<T> head(const Operands &o, int64_t image, int64_t index, T *out, float *lse, T *dq, T *dk, T *dv) {
  int64_t all = o.heads * o.width, column = index * o.width;
  int64_t query = image * o.queries * o.q_stride + column, token = image * o.tokens * o.stride + column;
  kernels::Attention<T> a{};
  a.tokens = o.tokens;
  a.queries = o.queries;
  a.width = o.width;
  a.q_stride = o.q_stride;
  a.stride = o.stride;
  a.out_stride = all;
  a.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(o.width)));
  a.q = static_cast<const T *>(o.q) + query;
  a.k = static_cast<const T *>(o.k) + token;
  a.v = static_cast<const T *>(o.v) + token;
  a.out = out + image * o.queries * all + column;
  a.lse = lse == nullptr ? nullptr : lse + (image * o.heads + index) * o.queries;
  if (dq != nullptr) {
    a.dq = dq + query;
    a.dk = dk + token;
    a.dv = dv + token;
  }
  return a;
}

template <class T, class Kernel>
void forward_typed(const Operands &a, at::Tensor &out, float *lse, Kernel kernel) {
  auto *to = static_cast<T *>(out.mutable_data_ptr());
  each_head(a, false, [&](int64_t image, int64_t index, float *scratch) {
    kernel(head<T>(a, image, index, to, lse, nullptr, nullptr, nullptr), scratch);
  });
}

template <class T, class Kernel>
void backward_typed(const Operands &a, const at::Tensor &dout, float *lse, void *dq, void *dk, void *dv, Kernel kernel) {
  auto *out = const_cast<T *>(static_cast<const T *>(dout.const_data_ptr()));
  each_head(a, true, [&](int64_t image, int64_t index, float *scratch) {
    kernel(
        head<T>(a, image, index, out, lse, static_cast<T *>(dq), static_cast<T *>(dk), static_cast<T *>(dv)), scratch);
  });
}

/// q, k and v of one projection, side by side.
Operands packed(const at::Tensor &qkv, int64_t heads) {
  int64_t all = qkv.size(2) / 3;
  auto *q = static_cast<const char *>(qkv.const_data_ptr());
  auto bytes = all * static_cast<int64_t>(qkv.element_size());
  return {qkv.size(0), qkv.size(1),       qkv.size(1), heads, all / heads,
          3 * all,     3 * all, qkv.scalar_type(), q,           q + bytes, q + 2 * bytes};
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &input, int64_t heads) {
    auto qkv = input.contiguous();
    at::Tensor lse;
    auto out = attend(packed(qkv, heads), qkv.options(), &lse);
    context->save_for_backward({qkv, lse});
    context->saved_data["heads"] = heads;
    return out;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
    auto saved = context->get_saved_variables();
    auto operands = packed(saved[0], context->saved_data["heads"].toInt());
    auto gradient = at::empty_like(saved[0]);
    auto *dq = static_cast<char *>(gradient.mutable_data_ptr());
    auto bytes = operands.heads * operands.width * static_cast<int64_t>(gradient.element_size());
    attend_backward(operands, gradients[0].contiguous(), saved[1], dq, dq + bytes, dq + 2 * bytes);
    return {gradient, at::Tensor()};
  }
};

}  // namespace

bool AttentionOperands::fits(int64_t tokens, int64_t heads, int64_t dimension) {
  auto width = dimension / heads;
  return tokens <= longest && dimension % heads == 0 && width % 16 == 0 && width <= 256;
}

at::Tensor attend(const AttentionOperands &a, const at::TensorOptions &options, at::Tensor *lse) {
  auto out = at::empty({a.images, a.queries, a.heads * a.width}, options);
  if (lse != nullptr) *lse = at::empty({a.images, a.heads, a.queries}, options.dtype(at::kFloat));
  float *sums = lse == nullptr ? nullptr : lse->mutable_data_ptr<float>();
  const auto &table = kernels::best();
  if (a.type == at::kFloat) {
    forward_typed<float>(a, out, sums, table.attention_f32);
  } else {
    forward_typed<kernels::bf16>(a, out, sums, table.attention_bf16);
  }
  return out;
}

void attend_backward(const AttentionOperands &a, const at::Tensor &dout, const at::Tensor &lse, void *dq, void *dk, void *dv) {
  const auto &table = kernels::best();
  auto *sums = const_cast<float *>(lse.const_data_ptr<float>());
  if (a.type == at::kFloat) {
    backward_typed<float>(a, dout, sums, dq, dk, dv, table.attention_backward_f32);
  } else {
    backward_typed<kernels::bf16>(a, dout, sums, dq, dk, dv, table.attention_backward_bf16);
  }
}

at::Tensor attention(const at::Tensor &qkv, int64_t heads) {
  TORCH_CHECK(
      qkv.dim() == 3 && heads > 0 && qkv.size(2) % (3 * heads) == 0, "attention expects [N, tokens, 3 * heads * d] with ",
      heads, " heads, found ", qkv.sizes());
  auto n = qkv.size(0), tokens = qkv.size(1), width = qkv.size(2) / 3, each = width / heads;
  if (plain(qkv) && qkv.numel() > 0 && AttentionOperands::fits(tokens, heads, width)) {
    if (recorded(qkv)) return PackedAttention::apply(qkv, heads);
    auto input = qkv.contiguous();
    return attend(packed(input, heads), input.options(), nullptr);
  }
  auto parts = qkv.reshape({n, tokens, 3, heads, each}).permute({2, 0, 3, 1, 4}).unbind(0);
  return at::scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape({n, tokens, width});
}

}  // namespace soup
