#include "support.h"

#include <atomic>

using namespace soup;

static std::atomic<int32_t> backend{2};

void ct_set_linear_backend(int32_t value) { backend = value; }

int32_t ct_linear_backend(void) { return backend; }

ct_status ct_linear(ct_tensor input, ct_tensor weight, ct_tensor bias, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] { return at::linear(tensor(input), tensor(weight), optional(bias)); });
}
