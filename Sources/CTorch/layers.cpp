#include "functions.h"
#include "support.h"

using namespace soup;

ct_status ct_conv2d(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_sizes stride, ct_sizes padding, ct_sizes dilation, ptrdiff_t groups, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return conv2d(tensor(input), tensor(weight), tensor(bias), sizes(stride), sizes(padding), sizes(dilation), groups);
  });
}

ct_status ct_batch_norm(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor mean, ct_tensor variance, bool training, double momentum, double epsilon, ct_tensor residual, bool relu, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return batch_norm(
        tensor(input), tensor(weight), tensor(bias), tensor(mean), tensor(variance), training, momentum, epsilon,
        tensor(residual), relu);
  });
}

ct_status ct_finish(ct_tensor image, ct_tensor bias, ct_tensor residual, bool relu, ct_error *error) {
  return guarded(error, [&] { finish(tensor(image), tensor(bias), tensor(residual), relu); });
}

ct_status ct_layer_norm(ct_tensor input, ct_tensor weight, ct_tensor bias, double epsilon, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto scale = tensor(weight);
    return at::layer_norm(tensor(input), scale.sizes(), scale, optional(bias), epsilon);
  });
}

ct_status ct_attention(ct_tensor query, ct_tensor key, ct_tensor value, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return at::scaled_dot_product_attention(tensor(query), tensor(key), tensor(value));
  });
}

ct_status ct_attention_packed(ct_tensor qkv, ptrdiff_t heads, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return attention(tensor(qkv), heads); });
}

ct_status ct_average_pool(ct_tensor input, ptrdiff_t size, ptrdiff_t stride, ptrdiff_t padding, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::avg_pool2d(tensor(input), {size, size}, {stride, stride}, {padding, padding}); });
}

ct_status ct_max_pool(ct_tensor input, ptrdiff_t size, ptrdiff_t stride, ptrdiff_t padding, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::max_pool2d(tensor(input), {size, size}, {stride, stride}, {padding, padding}); });
}

ct_status ct_adaptive_average_pool(ct_tensor input, ptrdiff_t height, ptrdiff_t width, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::adaptive_avg_pool2d(tensor(input), {height, width}); });
}

ct_status ct_cross_entropy(ct_tensor logits, ct_tensor target, double smoothing, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    return at::cross_entropy_loss(
        tensor(logits), tensor(target), /*weight=*/std::nullopt, at::Reduction::Mean, /*ignore_index=*/-100, smoothing);
  });
}
