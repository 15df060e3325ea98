#include "kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <dlfcn.h>

namespace soup::kernels {

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
namespace avx512 {
#define LEVEL_NAME "AVX-512"
#define LANES 16
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 4
#include "kernels.inc"
#undef LEVEL_NAME
#undef LANES
#undef BLOCK_ROWS
#undef BLOCK_VECTORS
}  // namespace avx512
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#define LEVEL_NAME "AVX2"
#define LANES 8
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 2
#include "kernels.inc"
#undef LEVEL_NAME
#undef LANES
#undef BLOCK_ROWS
#undef BLOCK_VECTORS
}  // namespace avx2
#pragma clang attribute pop

#endif

namespace baseline {
#define LEVEL_NAME "baseline"
#define LANES 4
#define BLOCK_ROWS 6
#define BLOCK_VECTORS 2
#include "kernels.inc"
}  // namespace baseline

static const Table &choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return avx512::table;
  if (avx2) return avx2::table;
#endif
  return baseline::table;
}

const Table &best() {
  static const Table &chosen = choose();
  return chosen;
}

// LibTorch's wheels compute on the threads of GNU OpenMP, and a second pool beside it would fight it for the cores. Its entry
// points are looked up by name, because Swift's clang cannot generate code for that runtime. Elsewhere the pieces run in turn.
namespace {
using Fork = void (*)(void (*)(void *), void *, unsigned, unsigned);
using Index = int (*)();
const auto fork = reinterpret_cast<Fork>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
const auto thread_index = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
const auto team_size = reinterpret_cast<Index>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));

struct Work {
  int64_t pieces;
  void (*body)(int64_t, int, void *);
  void *context;
};
}  // namespace

int thread_limit() { return fork && thread_index && team_size ? at::get_num_threads() : 1; }

void parallel(int64_t pieces, void (*body)(int64_t piece, int thread, void *context), void *context) {
  int64_t threads = std::min<int64_t>(thread_limit(), pieces);
  if (threads <= 1 || at::in_parallel_region()) {
    for (int64_t i = 0; i < pieces; ++i) body(i, 0, context);
    return;
  }
  Work work = {pieces, body, context};
  fork(
      [](void *data) {
        auto &work = *static_cast<Work *>(data);
        int64_t thread = thread_index(), threads = team_size();
        int64_t begin = work.pieces * thread / threads, end = work.pieces * (thread + 1) / threads;
        for (int64_t i = begin; i < end; ++i) work.body(i, static_cast<int>(thread), work.context);
      },
      &work, static_cast<unsigned>(threads), 0);
}

}  // namespace soup::kernels
