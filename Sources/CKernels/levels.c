#include "CKernels.h"

int ck_level_supported(ck_level level) {
  if (level == CK_BASELINE) return 1;
#if defined(__x86_64__) && defined(__clang__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (level == CK_AVX2) return avx2;
  if (level == CK_AVX512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
  return 0;
}

ck_level ck_best_level(void) {
  return ck_level_supported(CK_AVX512) ? CK_AVX512 : ck_level_supported(CK_AVX2) ? CK_AVX2 : CK_BASELINE;
}

const char *ck_level_name(ck_level level) {
  switch (level) {
  case CK_AVX512: return "AVX-512";
  case CK_AVX2: return "AVX2";
  case CK_BASELINE: break;
  }
#if defined(__x86_64__)
  return "SSE2";
#elif defined(__aarch64__)
  return "NEON";
#else
  return "scalar";
#endif
}
