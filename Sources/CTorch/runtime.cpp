#include "support.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <torch/version.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace soup {

std::vector<at::Tensor> list(ct_tensors tensors) {
  std::vector<at::Tensor> result;
  result.reserve(tensors.count);
  for (size_t i = 0; i < tensors.count; ++i) result.push_back(tensor(tensors.values[i]));
  return result;
}

at::ScalarType scalar_type(ct_dtype dtype) {
  switch (dtype) {
    case CT_F64: return at::kDouble;
    case CT_F32: return at::kFloat;
    case CT_F16: return at::kHalf;
    case CT_BF16: return at::kBFloat16;
    case CT_F8_E4M3: return at::kFloat8_e4m3fn;
    case CT_F8_E5M2: return at::kFloat8_e5m2;
    case CT_I64: return at::kLong;
    case CT_I32: return at::kInt;
    case CT_I16: return at::kShort;
    case CT_I8: return at::kChar;
    case CT_U8: return at::kByte;
    case CT_BOOL: return at::kBool;
    case CT_OTHER: break;
  }
  throw std::invalid_argument("unknown element type");
}

ct_dtype dtype_code(at::ScalarType type) {
  switch (type) {
    case at::kDouble: return CT_F64;
    case at::kFloat: return CT_F32;
    case at::kHalf: return CT_F16;
    case at::kBFloat16: return CT_BF16;
    case at::kFloat8_e4m3fn: return CT_F8_E4M3;
    case at::kFloat8_e5m2: return CT_F8_E5M2;
    case at::kLong: return CT_I64;
    case at::kInt: return CT_I32;
    case at::kShort: return CT_I16;
    case at::kChar: return CT_I8;
    case at::kByte: return CT_U8;
    case at::kBool: return CT_BOOL;
    default: return CT_OTHER;
  }
}

at::Device device(ct_device device) { return {static_cast<at::DeviceType>(device.type), device.index}; }

/// LibTorch appends a C++ stack trace and its own source lines; the first lines are what a user can act on.
static ct_error message(std::string_view text) {
  for (std::string_view noise : {"\nException raised from", "\nC++ CapturedTraceback", " This could be because", " If you are a Facebook"})
    text = text.substr(0, text.find(noise));
  size_t end = 0;
  for (int lines = 0; lines < 6 && end < text.size(); ++lines) {
    size_t next = text.find('\n', end);
    if (next == std::string_view::npos) {
      end = text.size();
    } else {
      end = next + 1;
    }
  }
  text = text.substr(0, end);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  auto *copy = static_cast<char *>(std::malloc(text.size() + 1));
  if (copy != nullptr) {
    std::memcpy(copy, text.data(), text.size());
    copy[text.size()] = 0;
  }
  return copy;
}

ct_status report(ct_error *error) noexcept {
  try {
    throw;
  } catch (const c10::OutOfMemoryError &e) {
    *error = message(e.msg());
    return CT_OUT_OF_MEMORY;
  } catch (const std::bad_alloc &) {
    *error = message("not enough memory");
    return CT_OUT_OF_MEMORY;
  } catch (const c10::NotImplementedError &e) {
    *error = message(e.msg());
    return CT_UNSUPPORTED;
  } catch (const c10::Error &e) {
    std::string_view text = e.what_without_backtrace();
    *error = message(text);
    // The allocator reports through a plain c10::Error.
    bool memory = text.find("not enough memory") != text.npos || text.find("can't allocate memory") != text.npos;
    return memory ? CT_OUT_OF_MEMORY : CT_INVALID_ARGUMENT;
  } catch (const std::invalid_argument &e) {
    *error = message(e.what());
    return CT_INVALID_ARGUMENT;
  } catch (const std::exception &e) {
    *error = message(e.what());
    return CT_FAILED;
  } catch (...) {
    *error = message("an exception of unknown type");
    return CT_FAILED;
  }
}

}  // namespace soup

using namespace soup;

void ct_error_free(ct_error error) { std::free(error); }

const char *ct_version(void) { return TORCH_VERSION; }

int32_t ct_thread_count(void) { return at::get_num_threads(); }

ct_status ct_set_thread_count(int32_t count, ct_error *error) {
  return guarded(error, [&] { at::set_num_threads(count); });
}

uint32_t ct_cpu_features(void) {
  uint32_t features = 0;
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx) features |= 8;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) features |= 1;
  if (__builtin_cpu_supports("avx512bf16")) features |= 2;
  if (__builtin_cpu_supports("amx-bf16")) features |= 4;
#endif
  return features;
}

ct_status ct_device_parse(const char *name, ct_device *out, ct_error *error) {
  return guarded(error, [&] {
    at::Device device(name);
    if (!device.is_cpu()) {
      // Only making something there shows that the device can be used: built in, driver present, index in range.
      at::empty({1}, at::TensorOptions().device(device));
      if (!device.has_index()) device.set_index(0);
    } else {
      device.set_index(-1);
    }
    *out = {static_cast<int8_t>(device.type()), device.index()};
  });
}

bool ct_grad_enabled(void) { return at::GradMode::is_enabled(); }

void ct_set_grad_enabled(bool enabled) { at::GradMode::set_enabled(enabled); }

ct_status ct_autocast_enter(ct_device device, bool enabled, ct_dtype dtype, ct_autocast *previous, ct_error *error) {
  return guarded(error, [&] {
    auto type = soup::device(device).type();
    ct_autocast before = {at::autocast::is_autocast_enabled(type), dtype_code(at::autocast::get_autocast_dtype(type))};
    at::autocast::set_autocast_dtype(type, scalar_type(dtype));
    at::autocast::set_autocast_enabled(type, enabled);
    at::autocast::increment_nesting();
    *previous = before;
  });
}

void ct_autocast_leave(ct_device device, ct_autocast previous) {
  auto type = soup::device(device).type();
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type, previous.enabled);
  at::autocast::set_autocast_dtype(type, scalar_type(previous.dtype));
}

// A ct_generator is an owned `at::Generator`.
static at::Generator &generator(ct_generator handle) { return *reinterpret_cast<at::Generator *>(handle); }

ct_status ct_generator_new(uint64_t seed, ct_device device, ct_generator *out, ct_error *error) {
  return guarded(error, [&] {
    auto on = soup::device(device);
    at::Generator made = on.is_cpu() ? at::make_generator<at::CPUGeneratorImpl>(seed)
                                     : at::globalContext().defaultGenerator(on).clone();
    made.set_current_seed(seed);
    *out = reinterpret_cast<ct_generator>(new at::Generator(std::move(made)));
  });
}

void ct_generator_free(ct_generator handle) { delete reinterpret_cast<at::Generator *>(handle); }

ct_status ct_generator_state(ct_generator handle, ct_tensor *out, ct_error *error) {
  return produce(out, error, [&] {
    std::lock_guard<std::mutex> lock(generator(handle).mutex());
    return generator(handle).get_state();
  });
}

ct_status ct_generator_set_state(ct_generator handle, ct_tensor state, ct_error *error) {
  return guarded(error, [&] {
    std::lock_guard<std::mutex> lock(generator(handle).mutex());
    generator(handle).set_state(tensor(state));
  });
}
