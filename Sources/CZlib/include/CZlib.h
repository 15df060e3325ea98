// Gzip and deflate decoding and CRC-32 from zlib, behind a header that does not itself include zlib.h: only this target
// needs zlib's headers, Swift modules above it do not.
#ifndef SOUP_CZLIB_H
#define SOUP_CZLIB_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct czlib_inflater czlib_inflater;

typedef enum {
  CZLIB_OK = 0,        // progress was made, or more input or more room is needed
  CZLIB_END = 1,       // the member ended and its checksum and length agree
  CZLIB_DAMAGED = 2,   // not gzip or deflate, a damaged stream, or a checksum that disagrees
  CZLIB_NO_MEMORY = 3,
} czlib_status;

/// A decoder for one gzip member after another; null when memory is short.
czlib_inflater *czlib_open(void);
/// A decoder for a bare deflate stream, as zip archives hold them: the archive has checksum and length.
czlib_inflater *czlib_open_raw(void);
void czlib_close(czlib_inflater *inflater);

/// Decodes from `input` to `output` until one of them is used up or the member ends. Counts of what was used are added to
/// `*consumed` and `*produced`.
czlib_status czlib_inflate(
    czlib_inflater *inflater, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *produced);

/// Makes the decoder ready for the next member after CZLIB_END.
czlib_status czlib_next_member(czlib_inflater *inflater);

/// zlib's words for the last failure; never null.
const char *czlib_message(const czlib_inflater *inflater);

/// CRC-32 of `count` bytes, continuing from `crc` (0 to begin).
uint32_t czlib_crc32(uint32_t crc, const uint8_t *bytes, size_t count);
/// CRC-32 of two runs of bytes from those of each; `count` is the length of the second.
uint32_t czlib_crc32_combine(uint32_t first, uint32_t second, size_t count);

#ifdef __cplusplus
}
#endif
#endif
