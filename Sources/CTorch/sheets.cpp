#include "networks.h"

#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace soup::sheets {

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
namespace single {
#define ROUNDS 0
#include "sheets.inc"
#undef ROUNDS
}  // namespace single
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), apply_to = function)
namespace half {
#define ROUNDS 1
#include "sheets.inc"
#undef ROUNDS
}  // namespace half
#pragma clang attribute pop

#endif

const Table *best(bool rounds) {
#if defined(__x86_64__)
  if (kernels::best().lanes != 16) return nullptr;
  if (!rounds) return &single::table;
  if (__builtin_cpu_supports("avx512bf16")) return &half::table;
#endif
  return nullptr;
}

bool serves(int64_t kernel, int64_t stride, int64_t inputs, int64_t outputs) {
  constexpr int64_t widest = 128;  // channels; beyond it the weights of all 36 positions leave the cache
  return (kernel == 1 || kernel == 3) && (stride == 1 || stride == 2) && outputs > 0 && outputs % 16 == 0 && outputs <= widest &&
      inputs > 0 && inputs <= widest && (inputs % 16 == 0 || inputs <= 4);
}

}  // namespace soup::sheets
