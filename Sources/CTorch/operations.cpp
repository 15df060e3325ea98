#include "functions.h"
#include "support.h"

using namespace soup;

static at::Tensor apply(ct_binary op, const at::Tensor &left, const at::Tensor &right) {
  switch (op) {
    case CT_ADD: return left + right;
    case CT_SUBTRACT: return left - right;
    case CT_MULTIPLY: return left * right;
    case CT_DIVIDE: return left / right;
    case CT_MAXIMUM: return at::maximum(left, right);
    case CT_MINIMUM: return at::minimum(left, right);
  }
  TORCH_CHECK(false, "unknown binary operation ", static_cast<int>(op));
}

ct_status ct_binary_op(ct_binary op, ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return apply(op, tensor(left), tensor(right)); });
}

ct_status ct_binary_scalar(ct_binary op, ct_tensor left, double right, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto a = tensor(left);
    switch (op) {
      case CT_ADD: return a + right;
      case CT_SUBTRACT: return a - right;
      case CT_MULTIPLY: return a * right;
      case CT_DIVIDE: return a / right;
      case CT_MAXIMUM: return at::clamp_min(a, right);
      case CT_MINIMUM: return at::clamp_max(a, right);
    }
    TORCH_CHECK(false, "unknown binary operation ", static_cast<int>(op));
  });
}

ct_status ct_scalar_binary(ct_binary op, double left, ct_tensor right, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto b = tensor(right);
    switch (op) {
      case CT_ADD: return b + left;
      case CT_SUBTRACT: return at::rsub(b, left);
      case CT_MULTIPLY: return b * left;
      case CT_DIVIDE: return left / b;
      case CT_MAXIMUM: return at::clamp_min(b, left);
      case CT_MINIMUM: return at::clamp_max(b, left);
    }
    TORCH_CHECK(false, "unknown binary operation ", static_cast<int>(op));
  });
}

ct_status ct_unary_op(ct_unary op, ct_tensor handle, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto x = tensor(handle);
    switch (op) {
      case CT_NEGATE: return -x;
      case CT_ABSOLUTE: return at::abs(x);
      case CT_EXP: return at::exp(x);
      case CT_LOG: return at::log(x);
      case CT_SQRT: return at::sqrt(x);
      case CT_RSQRT: return at::rsqrt(x);
      case CT_ERFINV: return at::erfinv(x);
      case CT_SIGMOID: return at::sigmoid(x);
      case CT_TANH: return at::tanh(x);
      case CT_RELU: return at::relu(x);
      case CT_GELU: return soup::gelu(x);
    }
    TORCH_CHECK(false, "unknown unary operation ", static_cast<int>(op));
  });
}

ct_status ct_power(ct_tensor handle, double exponent, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::pow(tensor(handle), exponent); });
}

ct_status ct_clamp(ct_tensor handle, double low, double high, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::clamp(tensor(handle), low, high); });
}

ct_status ct_matmul(ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::matmul(tensor(left), tensor(right)); });
}

ct_status ct_equal(ct_tensor left, ct_tensor right, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::eq(tensor(left), tensor(right)); });
}

ct_status ct_reshape(ct_tensor handle, ct_sizes shape, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).reshape(sizes(shape)); });
}

ct_status ct_flatten(ct_tensor handle, ptrdiff_t first, ptrdiff_t last, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).flatten(first, last); });
}

ct_status ct_permute(ct_tensor handle, ct_sizes order, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).permute(sizes(order)); });
}

ct_status ct_transpose(ct_tensor handle, ptrdiff_t first, ptrdiff_t second, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).transpose(first, second); });
}

ct_status ct_slice(ct_tensor handle, ptrdiff_t dimension, ptrdiff_t start, ptrdiff_t end, ptrdiff_t step, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).slice(dimension, start, end, step); });
}

ct_status ct_narrow(ct_tensor handle, ptrdiff_t dimension, ptrdiff_t start, ptrdiff_t length, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).narrow(dimension, start, length); });
}

ct_status ct_select(ct_tensor handle, ptrdiff_t dimension, ptrdiff_t index, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).select(dimension, index); });
}

ct_status ct_index_select(ct_tensor handle, ptrdiff_t dimension, ct_tensor indices, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).index_select(dimension, tensor(indices)); });
}

ct_status ct_expand(ct_tensor handle, ct_sizes shape, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).expand(sizes(shape)); });
}

ct_status ct_unsqueeze(ct_tensor handle, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).unsqueeze(dimension); });
}

ct_status ct_squeeze(ct_tensor handle, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).squeeze(dimension); });
}

ct_status ct_concatenate(ct_tensors tensors, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::cat(list(tensors), dimension); });
}

ct_status ct_stack(ct_tensors tensors, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::stack(list(tensors), dimension); });
}

ct_status ct_pad(ct_tensor handle, ct_sizes padding, double value, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::constant_pad_nd(tensor(handle), sizes(padding), value); });
}

ct_status ct_reduce(ct_reduction reduction, ct_tensor handle, ct_sizes dimensions, bool keep, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    auto x = tensor(handle);
    auto over = sizes(dimensions);
    switch (reduction) {
      case CT_SUM: return x.sum(over, keep);
      case CT_MEAN: return x.mean(over, keep);
      case CT_MAX: return x.amax(over, keep);
      case CT_MIN: return x.amin(over, keep);
    }
    TORCH_CHECK(false, "unknown reduction ", static_cast<int>(reduction));
  });
}

ct_status ct_variance(ct_tensor handle, ct_sizes dimensions, bool keep, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).var(sizes(dimensions), /*unbiased=*/false, keep); });
}

ct_status ct_argmax(ct_tensor handle, ptrdiff_t dimension, bool keep, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return tensor(handle).argmax(dimension, keep); });
}

ct_status ct_top_k(ct_tensor handle, ptrdiff_t count, ptrdiff_t dimension, ct_tensor *values, ct_tensor *indices, ct_error *error) {
  return guarded(error, [&] {
    auto found = tensor(handle).topk(count, dimension);
    *values = soup::handle(std::get<0>(found));
    *indices = soup::handle(std::get<1>(found));
  });
}

ct_status ct_softmax(ct_tensor handle, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::softmax(tensor(handle), dimension); });
}

ct_status ct_log_softmax(ct_tensor handle, ptrdiff_t dimension, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::log_softmax(tensor(handle), dimension); });
}
