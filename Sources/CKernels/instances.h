// Compiles the loops of one file once per instruction set.
//
// A file defines CK_LOOPS as the name of a header with its loops, each named CK_NAME(x), and includes this header; the
// loops then exist as x_baseline, x_avx2 and x_avx512, and CK_PICK(level, x) is the one to call.
#include "CKernels.h"

#include <stddef.h>

// Bytes of one value, by ck_dtype.
static const size_t ck_size[] = {8, 4, 2, 2, 1, 1, 8, 4, 2, 1, 1, 1};

#define CK_JOIN2(a, b) a##b
#define CK_JOIN(a, b) CK_JOIN2(a, b)

#define CK_NAME(x) CK_JOIN(x, _baseline)
#include CK_LOOPS
#undef CK_NAME

#if defined(__x86_64__) && defined(__clang__)
#define CK_HAS_X86_LEVELS 1

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2"))), apply_to = function)
#define CK_NAME(x) CK_JOIN(x, _avx2)
#define CK_HAS_FMA 1
#include CK_LOOPS
#undef CK_NAME
#pragma clang attribute pop

#pragma clang attribute push(                                                                    \
    __attribute__((target("avx2,fma,f16c,bmi,bmi2,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"))), \
    apply_to = function)
#define CK_NAME(x) CK_JOIN(x, _avx512)
#define CK_IS_AVX512 1
#include CK_LOOPS
#undef CK_IS_AVX512
#undef CK_HAS_FMA
#undef CK_NAME
#pragma clang attribute pop

#define CK_PICK(level, x) ((level) == CK_AVX512 ? x##_avx512 : (level) == CK_AVX2 ? x##_avx2 : x##_baseline)
#else
#define CK_PICK(level, x) ((void)(level), x##_baseline)
#endif
