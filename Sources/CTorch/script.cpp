#include "support.h"

#include <torch/script.h>

#include <cstring>

using namespace soup;

// A ct_module is an owned `torch::jit::Module`.
static torch::jit::Module &module(ct_module handle) { return *reinterpret_cast<torch::jit::Module *>(handle); }

ct_status ct_module_load(const char *path, ct_device on, ct_module *out, ct_error *error) {
  return guarded(error, [&] {
    auto loaded = torch::jit::load(path, soup::device(on));
    loaded.eval();
    *out = reinterpret_cast<ct_module>(new torch::jit::Module(std::move(loaded)));
  });
}

void ct_module_free(ct_module handle) { delete reinterpret_cast<torch::jit::Module *>(handle); }

ct_status ct_module_visit(
    ct_module handle, void *context, void (*visit)(void *, const char *, ct_tensor, bool), ct_error *error) {
  return guarded(error, [&] {
    for (const auto &item : module(handle).named_parameters())
      visit(context, item.name.c_str(), soup::handle(item.value), true);
    for (const auto &item : module(handle).named_buffers())
      visit(context, item.name.c_str(), soup::handle(item.value), false);
  });
}

ct_status ct_module_forward(ct_module handle, ct_tensor input, bool training, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    module(handle).train(training);
    auto result = module(handle).forward({tensor(input)});
    TORCH_CHECK(result.isTensor(), "the module must return one tensor of logits, not ", result.tagKind());
    return result.toTensor();
  });
}
