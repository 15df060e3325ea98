// The least that mixing can cost: maps the inputs, averages them in float, on all threads, writes the output file.
// No checks, no header, no flush to the disk. Usage: loop float32|bfloat16 THREADS OUTPUT INPUT...
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16, MOST = 256 };
static int count, threads, is_bf16;
static const char *inputs[MOST];
static char *output;
static size_t size;

static float bf16(uint16_t v) {
  uint32_t bits = (uint32_t)v << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

static void *work(void *argument) {
  size_t width = is_bf16 ? 2 : 4, blocks = (size / width + BLOCK - 1) / BLOCK;
  float sum[BLOCK], scale = 1.0f / (float)count;
  for (size_t b = (size_t)(intptr_t)argument; b < blocks; b += (size_t)threads) {
    size_t start = b * BLOCK, n = size / width - start < BLOCK ? size / width - start : BLOCK;
    memset(sum, 0, sizeof sum);
    for (int k = 0; k < count; k++) {
      if (is_bf16) {
        const uint16_t *x = (const uint16_t *)inputs[k] + start;
        for (size_t i = 0; i < n; i++) sum[i] += bf16(x[i]);
      } else {
        const float *x = (const float *)inputs[k] + start;
        for (size_t i = 0; i < n; i++) sum[i] += x[i];
      }
    }
    if (is_bf16) {
      uint16_t *y = (uint16_t *)output + start;
      for (size_t i = 0; i < n; i++) {
        float f = sum[i] * scale;
        uint32_t bits;
        memcpy(&bits, &f, 4);
        y[i] = (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
      }
    } else {
      float *y = (float *)output + start;
      for (size_t i = 0; i < n; i++) y[i] = sum[i] * scale;
    }
  }
  return NULL;
}

static char *map(const char *path, int flags, int protection) {
  int file = open(path, flags, 0644);
  struct stat information;
  if (file < 0 || (flags & O_CREAT && ftruncate(file, (off_t)size) != 0) || fstat(file, &information) != 0) exit(1);
  size = (size_t)information.st_size;
  char *address = mmap(NULL, size, protection, MAP_SHARED, file, 0);
  if (address == MAP_FAILED) exit(1);
  return address;
}

int main(int n, char **arguments) {
  if (n < 5 || n - 4 > MOST) return 2;
  is_bf16 = strcmp(arguments[1], "bfloat16") == 0;
  threads = atoi(arguments[2]);
  count = n - 4;
  for (int k = 0; k < count; k++) inputs[k] = map(arguments[4 + k], O_RDONLY, PROT_READ);
  output = map(arguments[3], O_RDWR | O_CREAT, PROT_READ | PROT_WRITE);
  pthread_t ids[MOST];
  for (int t = 0; t < threads; t++) pthread_create(&ids[t], NULL, work, (void *)(intptr_t)t);
  for (int t = 0; t < threads; t++) pthread_join(ids[t], NULL);
  return 0;
}
