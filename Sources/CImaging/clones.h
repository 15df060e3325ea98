// CI_CLONES before a function: compiled for AVX-512, AVX2 and the baseline; the loader picks.
#ifndef CI_CLONES_H
#define CI_CLONES_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "CImaging.h"

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__clang__)
#if __clang_major__ >= 18
#define CI_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CI_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#else
#define CI_CLONES
#endif

#define CI_INLINE static inline __attribute__((always_inline))

// Added before cutting: what is a whole number but for the rounding of single precision stays that number.
#define CI_WHOLE 0x1p-13f

// Clipped to a byte's range and cut.
CI_INLINE uint8_t ci_cut(float v) {
  v = v < 0 ? 0 : v;
  v = v > 255 ? 255 : v;
  return (uint8_t)(int32_t)v;
}

// Four floats: one pixel and a spare.
typedef float ci_float4 __attribute__((vector_size(16)));

#endif
