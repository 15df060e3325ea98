#include "CZlib.h"

#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct czlib_inflater {
  z_stream stream;
};

static czlib_inflater *open_with(int window_bits) {
  czlib_inflater *inflater = calloc(1, sizeof *inflater);
  if (!inflater) return NULL;
  if (inflateInit2(&inflater->stream, window_bits) != Z_OK) {
    free(inflater);
    return NULL;
  }
  return inflater;
}

// 16 selects the gzip wrapper (never raw or zlib); 15 is the largest window, which every gzip file may use.
czlib_inflater *czlib_open(void) { return open_with(16 + 15); }

// A negative window: no wrapper at all.
czlib_inflater *czlib_open_raw(void) { return open_with(-15); }

void czlib_close(czlib_inflater *inflater) {
  if (!inflater) return;
  inflateEnd(&inflater->stream);
  free(inflater);
}

czlib_status czlib_inflate(
    czlib_inflater *inflater, const uint8_t *input, size_t input_count, size_t *consumed, uint8_t *output,
    size_t output_count, size_t *produced) {
  z_stream *stream = &inflater->stream;
  // zlib counts in unsigned int; the caller calls again for the rest.
  uInt offered = input_count < UINT_MAX ? (uInt)input_count : UINT_MAX;
  uInt room = output_count < UINT_MAX ? (uInt)output_count : UINT_MAX;
  stream->next_in = (Bytef *)input;
  stream->avail_in = offered;
  stream->next_out = output;
  stream->avail_out = room;
  int status = inflate(stream, Z_NO_FLUSH);
  *consumed += offered - stream->avail_in;
  *produced += room - stream->avail_out;
  switch (status) {
    case Z_OK:
    case Z_BUF_ERROR: return CZLIB_OK;
    case Z_STREAM_END: return CZLIB_END;
    case Z_MEM_ERROR: return CZLIB_NO_MEMORY;
    default: return CZLIB_DAMAGED;
  }
}

czlib_status czlib_next_member(czlib_inflater *inflater) {
  return inflateReset(&inflater->stream) == Z_OK ? CZLIB_OK : CZLIB_DAMAGED;
}

const char *czlib_message(const czlib_inflater *inflater) {
  return inflater->stream.msg ? inflater->stream.msg : "damaged gzip stream";
}

uint32_t czlib_crc32(uint32_t crc, const uint8_t *bytes, size_t count) {
  uLong value = crc;
  while (count > 0) {
    uInt part = count < UINT_MAX ? (uInt)count : UINT_MAX;
    value = crc32(value, bytes, part);
    bytes += part;
    count -= part;
  }
  return (uint32_t)value;
}

uint32_t czlib_crc32_combine(uint32_t first, uint32_t second, size_t count) {
  return (uint32_t)crc32_combine(first, second, (z_off_t)count);
}
