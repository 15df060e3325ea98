// A checksum that is fast enough to be taken of every byte written: 64 bits, not against forgery.
#ifndef SOUP_CKCHECKSUM_H
#define SOUP_CKCHECKSUM_H

/// A checksum under way; `{0}` is that of nothing.
typedef struct {
  uint64_t lanes[8];
  unsigned char rest[64];
  size_t count;
} ck_checksum;

/// Appends n bytes; how they are divided among calls makes no difference.
void ck_checksum_add(ck_checksum *checksum, const void *bytes, size_t n);
/// The checksum of all bytes so far.
uint64_t ck_checksum_value(const ck_checksum *checksum);

#endif
