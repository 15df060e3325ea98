// The most arithmetic this machine can do: independent fused multiply-adds in registers, on all threads at once.
// Prints {"threads": n, "fp32": GFLOP/s, "bf16": GFLOP/s or null}. A multiply-add counts as two operations.
//
//   cc -O3 -march=native -pthread peak.c -o peak && ./peak [threads]
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// As wide as the registers, whatever they are: the compiler lowers these to AVX-512, AVX2 or NEON.
#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
typedef float vector __attribute__((vector_size(4 * WIDTH)));

enum { CHAINS = 12 };  // latency 4, two units: 8 would do, the rest hides the loop

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Twelve named registers: an array of them would live in memory. The empty asm keeps the compiler from merging the steps.
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
#if defined(__aarch64__)
#define KEEP(n) __asm__ volatile("" : "+w"(s##n));
#else
#define KEEP(n) __asm__ volatile("" : "+v"(s##n));
#endif

static float multiply_add(uint64_t rounds) {
  const vector a = (vector){} + 0.999f, b = (vector){} + 1e-3f;
#define START(n) vector s##n = (vector){} + (float)n;
#define STEP(n) s##n = s##n * a + b; KEEP(n)
#define TOTAL(n) total += s##n;
  EACH(START)
  for (uint64_t round = 0; round < rounds; round++) { EACH(STEP) }
  vector total = (vector){};
  EACH(TOTAL)
  return total[0];
#undef START
#undef STEP
#undef TOTAL
}

#if defined(__AVX512BF16__)
#include <immintrin.h>
static float multiply_add_bf16(uint64_t rounds) {
  const __m512bh a = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.25f));
  const __m512bh b = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.125f), _mm512_set1_ps(1.0f));
#define START(n) __m512 s##n = _mm512_set1_ps((float)n);
#define STEP(n) s##n = _mm512_dpbf16_ps(s##n, a, b); KEEP(n)
#define TOTAL(n) total = _mm512_add_ps(total, s##n);
  EACH(START)
  for (uint64_t round = 0; round < rounds; round++) { EACH(STEP) }
  __m512 total = _mm512_setzero_ps();
  EACH(TOTAL)
  return _mm512_reduce_add_ps(total);
#undef START
#undef STEP
#undef TOTAL
}
#endif

typedef struct {
  float (*kernel)(uint64_t);
  uint64_t rounds;
  float result;
} work;

static void *run(void *argument) {
  work *w = argument;
  w->result = w->kernel(w->rounds);
  return NULL;
}

// GFLOP/s of `kernel`, which does `operations` per round: the best of five runs of about a tenth of a second.
static double measure(float (*kernel)(uint64_t), double operations, int threads) {
  enum { MOST = 1024 };
  static pthread_t ids[MOST];
  static work items[MOST];
  if (threads > MOST) threads = MOST;
  uint64_t rounds = 1 << 16;
  double best = 0;
  for (int attempt = 0; attempt < 5;) {
    double start = now();
    for (int i = 0; i < threads; i++) {
      items[i] = (work){kernel, rounds, 0};
      if (pthread_create(&ids[i], NULL, run, &items[i]) != 0) exit(1);
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    double seconds = now() - start;
    if (seconds < 0.1) {
      rounds *= 2;
      continue;
    }
    double rate = operations * (double)rounds * threads / seconds * 1e-9;
    if (rate > best) best = rate;
    attempt++;
  }
  return best;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (threads < 1) threads = 1;
  printf("{\"threads\": %d, \"fp32\": %.1f, \"bf16\": ", threads, measure(multiply_add, 2.0 * CHAINS * WIDTH, threads));
#if defined(__AVX512BF16__)
  printf("%.1f}\n", measure(multiply_add_bf16, 4.0 * CHAINS * 16, threads));
#else
  printf("null}\n");
#endif
  return 0;
}
