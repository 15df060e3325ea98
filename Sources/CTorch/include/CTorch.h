/// A C API over LibTorch's C++: only the calls that our layers and models make.
///
/// - Every call that can fail returns a status; on failure `*error` is a text to be released with `ct_error_free`,
///   and nothing was written to the other out-parameters. No C++ exception leaves this library.
/// - A `ct_tensor` is one owned reference to a LibTorch tensor; release each with `ct_tensor_free`.
/// - Arguments are passed as they are: no defaults, no broadcasting rules, no policy of our own.
///   Where a pointer may be null, the comment says so.
#ifndef SOUP_CTORCH_H
#define SOUP_CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_tensor_s *ct_tensor;
typedef struct ct_generator_s *ct_generator;
typedef char *ct_error;

typedef enum ct_status {
  CT_OK = 0,
  CT_INVALID_ARGUMENT = 1,
  CT_OUT_OF_MEMORY = 2,
  CT_UNSUPPORTED = 3,
  CT_FAILED = 4,
} ct_status;

typedef enum ct_dtype {
  CT_F64, CT_F32, CT_F16, CT_BF16, CT_F8_E4M3, CT_F8_E5M2, CT_I64, CT_I32, CT_I16, CT_I8, CT_U8, CT_BOOL, CT_OTHER,
} ct_dtype;

/// `type` and `index` as in `c10::Device`; index -1 is the current device of that type.
typedef struct ct_device { int8_t type; int8_t index; } ct_device;

/// A list of sizes, dimensions or steps.
typedef struct ct_sizes { const ptrdiff_t *values; size_t count; } ct_sizes;

/// A list of tensors; an entry may be null where a call says so.
typedef struct ct_tensors { const ct_tensor *values; size_t count; } ct_tensors;

void ct_error_free(ct_error error);

// --- Runtime -------------------------------------------------------------------------------------------------------
const char *ct_version(void);
int32_t ct_thread_count(void);
ct_status ct_set_thread_count(int32_t count, ct_error *error);
/// Instruction sets of this processor: bit 0 AVX-512F, bit 1 AVX-512 BF16, bit 2 AMX BF16, bit 3 Intel vendor.
uint32_t ct_cpu_features(void);
/// Parses "cpu", "cuda:0", "mps", … and makes sure that the device can be used in this process.
ct_status ct_device_parse(const char *name, ct_device *out, ct_error *error);

/// Which library multiplies float32 matrices of linear layers on this thread: 0 LibTorch's choice, 1 oneDNN, 2 decided from the
/// processor.
void ct_set_linear_backend(int32_t backend);
int32_t ct_linear_backend(void);

bool ct_grad_enabled(void);
void ct_set_grad_enabled(bool enabled);

/// The state of autocast on this thread for one device type, as it was before `ct_autocast_enter`.
typedef struct ct_autocast { bool enabled; ct_dtype dtype; } ct_autocast;
ct_status ct_autocast_enter(ct_device device, bool enabled, ct_dtype dtype, ct_autocast *previous, ct_error *error);
void ct_autocast_leave(ct_device device, ct_autocast previous);

// --- Random numbers ------------------------------------------------------------------------------------------------
ct_status ct_generator_new(uint64_t seed, ct_device device, ct_generator *out, ct_error *error);
void ct_generator_free(ct_generator generator);
ct_status ct_generator_state(ct_generator generator, ct_tensor *out, ct_error *error);
ct_status ct_generator_set_state(ct_generator generator, ct_tensor state, ct_error *error);

// --- Making and reading tensors --------------------------------------------------------------------------------------
void ct_tensor_free(ct_tensor tensor);
/// Copies `bytes` (contiguous, row-major) to a new tensor.
ct_status ct_from_bytes(const void *bytes, ct_dtype dtype, ct_sizes shape, ct_device device, ct_tensor *out, ct_error *error);
/// Copies `bytes` into an existing tensor of the same shape, converting the dtype.
ct_status ct_copy_bytes(ct_tensor into, const void *bytes, ct_dtype dtype, ct_sizes shape, ct_error *error);
/// Writes the tensor, contiguous and row-major, to `bytes`, which holds exactly `count` bytes.
ct_status ct_read_bytes(ct_tensor tensor, void *bytes, size_t count, ct_error *error);
ct_status ct_full(ct_sizes shape, double value, ct_dtype dtype, ct_device device, ct_tensor *out, ct_error *error);
ct_status ct_normal(ct_sizes shape, double mean, double deviation, ct_generator generator, ct_dtype dtype, ct_device device, ct_tensor *out, ct_error *error);
ct_status ct_uniform(ct_sizes shape, double low, double high, ct_generator generator, ct_dtype dtype, ct_device device, ct_tensor *out, ct_error *error);
ct_status ct_bernoulli(ct_sizes shape, double probability, ct_generator generator, ct_dtype dtype, ct_device device, ct_tensor *out, ct_error *error);

size_t ct_rank(ct_tensor tensor);
void ct_shape(ct_tensor tensor, ptrdiff_t *sizes);
size_t ct_count(ct_tensor tensor);
ct_dtype ct_tensor_dtype(ct_tensor tensor);
ct_device ct_tensor_device(ct_tensor tensor);
bool ct_is_channels_last(ct_tensor tensor);
ct_status ct_item(ct_tensor tensor, double *out, ct_error *error);

// --- Autograd --------------------------------------------------------------------------------------------------------
bool ct_requires_grad(ct_tensor tensor);
ct_status ct_set_requires_grad(ct_tensor tensor, bool value, ct_error *error);
/// `*out` is null where there is no gradient.
ct_status ct_grad(ct_tensor tensor, ct_tensor *out, ct_error *error);
void ct_clear_grad(ct_tensor tensor);
ct_status ct_backward(ct_tensor loss, ct_error *error);
ct_status ct_detach(ct_tensor tensor, ct_tensor *out, ct_error *error);
/// Makes `tensor` the same variable with the storage, device and memory format of `data`.
ct_status ct_set_data(ct_tensor tensor, ct_tensor data, ct_error *error);

// --- Copies and conversions ------------------------------------------------------------------------------------------
ct_status ct_clone(ct_tensor tensor, ct_tensor *out, ct_error *error);
ct_status ct_contiguous(ct_tensor tensor, bool channels_last, ct_tensor *out, ct_error *error);
ct_status ct_to_dtype(ct_tensor tensor, ct_dtype dtype, ct_tensor *out, ct_error *error);
ct_status ct_to_device(ct_tensor tensor, ct_device device, ct_tensor *out, ct_error *error);

// --- Arithmetic ------------------------------------------------------------------------------------------------------
typedef enum ct_binary { CT_ADD, CT_SUBTRACT, CT_MULTIPLY, CT_DIVIDE, CT_MAXIMUM, CT_MINIMUM } ct_binary;
typedef enum ct_unary {
  CT_NEGATE, CT_ABSOLUTE, CT_EXP, CT_LOG, CT_SQRT, CT_RSQRT, CT_ERFINV, CT_SIGMOID, CT_TANH, CT_RELU, CT_GELU
} ct_unary;
ct_status ct_binary_op(ct_binary op, ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error);
ct_status ct_binary_scalar(ct_binary op, ct_tensor left, double right, ct_tensor *out, ct_error *error);
ct_status ct_scalar_binary(ct_binary op, double left, ct_tensor right, ct_tensor *out, ct_error *error);
ct_status ct_unary_op(ct_unary op, ct_tensor tensor, ct_tensor *out, ct_error *error);
ct_status ct_power(ct_tensor tensor, double exponent, ct_tensor *out, ct_error *error);
ct_status ct_clamp(ct_tensor tensor, double low, double high, ct_tensor *out, ct_error *error);
ct_status ct_matmul(ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error);
/// 1 where equal, 0 elsewhere, as bool.
ct_status ct_equal(ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error);

// --- Shapes ----------------------------------------------------------------------------------------------------------
ct_status ct_reshape(ct_tensor tensor, ct_sizes shape, ct_tensor *out, ct_error *error);
ct_status ct_flatten(ct_tensor tensor, ptrdiff_t first, ptrdiff_t last, ct_tensor *out, ct_error *error);
ct_status ct_permute(ct_tensor tensor, ct_sizes order, ct_tensor *out, ct_error *error);
ct_status ct_transpose(ct_tensor tensor, ptrdiff_t first, ptrdiff_t second, ct_tensor *out, ct_error *error);
ct_status ct_slice(ct_tensor tensor, ptrdiff_t dimension, ptrdiff_t start, ptrdiff_t end, ptrdiff_t step, ct_tensor *out, ct_error *error);
ct_status ct_narrow(ct_tensor tensor, ptrdiff_t dimension, ptrdiff_t start, ptrdiff_t length, ct_tensor *out, ct_error *error);
ct_status ct_select(ct_tensor tensor, ptrdiff_t dimension, ptrdiff_t index, ct_tensor *out, ct_error *error);
ct_status ct_index_select(ct_tensor tensor, ptrdiff_t dimension, ct_tensor indices, ct_tensor *out, ct_error *error);
ct_status ct_expand(ct_tensor tensor, ct_sizes shape, ct_tensor *out, ct_error *error);
ct_status ct_unsqueeze(ct_tensor tensor, ptrdiff_t dimension, ct_tensor *out, ct_error *error);
ct_status ct_squeeze(ct_tensor tensor, ptrdiff_t dimension, ct_tensor *out, ct_error *error);
ct_status ct_concatenate(ct_tensors tensors, ptrdiff_t dimension, ct_tensor *out, ct_error *error);
ct_status ct_stack(ct_tensors tensors, ptrdiff_t dimension, ct_tensor *out, ct_error *error);
/// Constant padding; `padding` is (before, after) pairs from the last dimension backwards, as in PyTorch.
ct_status ct_pad(ct_tensor tensor, ct_sizes padding, double value, ct_tensor *out, ct_error *error);

// --- Reductions ------------------------------------------------------------------------------------------------------
typedef enum ct_reduction { CT_SUM, CT_MEAN, CT_MAX, CT_MIN } ct_reduction;
ct_status ct_reduce(ct_reduction reduction, ct_tensor tensor, ct_sizes dimensions, bool keep, ct_tensor *out, ct_error *error);
/// Variance divided by n (not n − 1).
ct_status ct_variance(ct_tensor tensor, ct_sizes dimensions, bool keep, ct_tensor *out, ct_error *error);
ct_status ct_argmax(ct_tensor tensor, ptrdiff_t dimension, bool keep, ct_tensor *out, ct_error *error);
ct_status ct_top_k(ct_tensor tensor, ptrdiff_t count, ptrdiff_t dimension, ct_tensor *values, ct_tensor *indices, ct_error *error);
ct_status ct_softmax(ct_tensor tensor, ptrdiff_t dimension, ct_tensor *out, ct_error *error);
ct_status ct_log_softmax(ct_tensor tensor, ptrdiff_t dimension, ct_tensor *out, ct_error *error);

// --- Layers ----------------------------------------------------------------------------------------------------------
/// `bias` may be null.
ct_status ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor *out, ct_error *error);
/// `bias` may be null.
ct_status ct_conv2d(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_tensor *out, ct_error *error);
/// Batch norm, then `+ residual` if it is not null, then ReLU if asked. In training `mean` and `variance` are updated.
ct_status ct_batch_norm(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, bool training, double momentum, double epsilon, ct_tensor residual, bool relu, ct_tensor *out, ct_error *error);
ct_status ct_layer_norm(ct_tensor input, ct_tensor weight, ct_tensor bias, double epsilon, ct_tensor *out, ct_error *error);
/// Softmax(q·kᵀ/√d)·v for q, k, v of shape [N, heads, tokens, d].
ct_status ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor *out, ct_error *error);
/// The same from the output of one projection, [N, tokens, 3 · heads · d] in the order (q, k, v); gives [N, tokens, heads · d].
ct_status ct_attention_packed(ct_tensor qkv, ptrdiff_t heads, ct_tensor *out, ct_error *error);
ct_status ct_average_pool(ct_tensor input, ptrdiff_t size, ptrdiff_t stride, ptrdiff_t padding, ct_tensor *out, ct_error *error);
ct_status ct_max_pool(ct_tensor input, ptrdiff_t size, ptrdiff_t stride, ptrdiff_t padding, ct_tensor *out, ct_error *error);
ct_status ct_adaptive_average_pool(ct_tensor input, ptrdiff_t height, ptrdiff_t width, ct_tensor *out, ct_error *error);
/// `target` holds class indices (int64, [N]) or probabilities ([N, C]). Mean over N.
ct_status ct_cross_entropy(ct_tensor logits, ct_tensor target, double smoothing, ct_tensor *out, ct_error *error);

// --- Inference with fused operations (CPU, oneDNN; no gradients) -----------------------------------------------------
typedef enum ct_activation { CT_IDENTITY, CT_ACTIVATION_RELU, CT_ACTIVATION_GELU } ct_activation;
/// Whether convolutions and linear layers of this dtype can be fused here.
bool ct_can_fuse(ct_dtype dtype);
ct_status ct_pack_conv2d(ct_tensor weight, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_sizes input_shape, ct_tensor *out, ct_error *error);
/// activation(conv(input) + bias + residual); `bias` and `residual` may be null. The weight may be packed.
ct_status ct_fused_conv2d(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_activation activation, ct_tensor *out, ct_error *error);
/// In place on a channels-last image on the CPU, channels in multiples of 16: relu?(image + bias + residual); bias and residual may
/// be null.
ct_status ct_finish(ct_tensor image, ct_tensor bias, ct_tensor residual, bool relu, ct_error *error);
/// Whether 3x3 convolutions of these channels in float32 on the CPU can go by Winograd's algorithm.
bool ct_can_use_winograd(ptrdiff_t inputs, ptrdiff_t outputs);
/// [outputs, inputs, 3, 3] → as `ct_winograd` reads it, in the shape [6, 6, inputs, outputs]
ct_status ct_pack_winograd(ct_tensor weight, ct_tensor *out, ct_error *error);
/// relu?(conv(input) + bias + residual) of stride 1 and padding 1, channels last; bias and residual may be null.
ct_status ct_winograd(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, bool relu, ct_tensor *out, ct_error *error);
ct_status ct_pack_linear(ct_tensor weight, ptrdiff_t rows, ct_tensor *out, ct_error *error);
/// activation(input·weightᵀ + bias), or with a residual and no activation input·weightᵀ + bias + residual.
ct_status ct_fused_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor residual, ct_activation activation, ct_tensor *out, ct_error *error);

// --- Optimisation (in place, without gradients; lists of equal length) -----------------------------------------------
/// `momenta` entries are all null or all set. On the first step they are written, not read.
ct_status ct_sgd_step(ct_tensors parameters, ct_tensors gradients, ct_tensors momenta, double rate, double momentum, double decay, bool nesterov, bool first, ct_error *error);
ct_status ct_adamw_step(ct_tensors parameters, ct_tensors gradients, ct_tensors first_moments, ct_tensors second_moments, ct_tensors steps, double rate, double beta1, double beta2, double decay, double epsilon, ct_error *error);
/// The Euclidean norm of all tensors together.
ct_status ct_total_norm(ct_tensors tensors, double *out, ct_error *error);
ct_status ct_scale_in_place(ct_tensors tensors, double factor, ct_error *error);
/// t ← t + weight · (target − t)
ct_status ct_lerp_in_place(ct_tensors tensors, ct_tensors targets, double weight, ct_error *error);
/// Adds 1 to a counter.
ct_status ct_increment(ct_tensor counter, ct_error *error);

// --- TorchScript ---------------------------------------------------------------------------------------------------------
typedef struct ct_module_s *ct_module;
/// Loads a module in evaluation mode. The file is a program: running the module executes it.
ct_status ct_module_load(const char *path, ct_device device, ct_module *out, ct_error *error);
void ct_module_free(ct_module module);
/// Calls `visit` for every parameter (`true`), then every buffer; the callee owns each tensor.
ct_status ct_module_visit(ct_module module, void *context, void (*visit)(void *context, const char *name, ct_tensor tensor, bool is_parameter), ct_error *error);
/// `forward` of one tensor, which must give one tensor.
ct_status ct_module_forward(ct_module module, ct_tensor input, bool training, ct_tensor *out, ct_error *error);

#include "neighbours.h"

#ifdef __cplusplus
}
#endif

#include "CTorchBlocks.h"
#include "CTorchNetworks.h"
#include "CTorchObjectives.h"

#endif
