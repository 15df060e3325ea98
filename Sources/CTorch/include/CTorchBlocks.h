/// Whole blocks of networks as one function; part of CTorch.h.
#ifndef SOUP_CTORCH_BLOCKS_H
#define SOUP_CTORCH_BLOCKS_H

#include "CTorch.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Of a transformer's block: scale and shift of its norms, weights [outputs, inputs] and biases of its linear layers.
typedef struct {
  ct_tensor norm1, shift1, qkv, qkv_bias, projection, projection_bias, norm2, shift2, fc1, fc1_bias, fc2, fc2_bias;
} ct_block_weights;

/// x + proj(attention(norm1(x))), then + fc2(gelu(fc1(norm2(…)))), of the `count` tokens from `start` on: [N, T, D] → [N, count, D].
ct_status ct_transformer_block(ct_tensor input, ct_block_weights weights, ptrdiff_t heads, double epsilon, ptrdiff_t start, ptrdiff_t count, ct_tensor *out, ct_error *error);

#ifdef __cplusplus
}
#endif
#endif
