#include <string.h>

#include "CKernels.h"

enum { STRIPE = 64, LANES = 8 };

// Exclusive or, rotation and multiplication by an odd number are one-to-one: no single changed word goes unnoticed.
static inline uint64_t step(uint64_t state, uint64_t word, int lane) {
  state ^= word + (uint64_t)lane;
  state = (state << 29) | (state >> 35);
  return state * 0x9e3779b97f4a7c15u;
}

static void add_stripes(uint64_t *lanes, const unsigned char *bytes, size_t stripes) {
  uint64_t state[LANES];
  memcpy(state, lanes, sizeof state);
  for (size_t i = 0; i < stripes; i++)
    for (int j = 0; j < LANES; j++) {
      uint64_t word;
      memcpy(&word, bytes + i * STRIPE + (size_t)j * 8, 8);
      state[j] = step(state[j], word, j);
    }
  memcpy(lanes, state, sizeof state);
}

void ck_checksum_add(ck_checksum *checksum, const void *source, size_t n) {
  const unsigned char *bytes = source;
  size_t held = checksum->count % STRIPE;
  checksum->count += n;
  if (held > 0) {
    size_t m = STRIPE - held < n ? STRIPE - held : n;
    memcpy(checksum->rest + held, bytes, m);
    if (held + m < STRIPE) return;
    add_stripes(checksum->lanes, checksum->rest, 1);
    bytes += m;
    n -= m;
  }
  add_stripes(checksum->lanes, bytes, n / STRIPE);
  memcpy(checksum->rest, bytes + n / STRIPE * STRIPE, n % STRIPE);
}

uint64_t ck_checksum_value(const ck_checksum *checksum) {
  uint64_t lanes[LANES];
  unsigned char rest[STRIPE] = {0};
  memcpy(lanes, checksum->lanes, sizeof lanes);
  memcpy(rest, checksum->rest, checksum->count % STRIPE);
  add_stripes(lanes, rest, 1);
  uint64_t value = checksum->count;
  for (int j = 0; j < LANES; j++) value = step(value, lanes[j], j);
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93u;
  return value ^ (value >> 32);
}
