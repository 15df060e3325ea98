// Decoding and encoding of JPEG and PNG. Every error of the libraries ends here, as a status; warnings are counted.
#ifndef SOUP_CIMAGES_CODECS_H
#define SOUP_CIMAGES_CODECS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  CIMAGES_OK = 0,
  CIMAGES_DAMAGED = 1,      // not of this format, or bytes that the format does not allow
  CIMAGES_TRUNCATED = 2,    // the bytes end before the image does
  CIMAGES_TOO_LARGE = 3,    // more pixels than allowed, or more work than an image of its size can need
  CIMAGES_UNSUPPORTED = 4,  // a valid file of a kind that is not read: 12-bit JPEG
  CIMAGES_NO_MEMORY = 5,
  CIMAGES_INVALID = 6,      // a request that cannot be met: a region outside the image
} cimages_status;

typedef enum { CIMAGES_UNKNOWN = 0, CIMAGES_JPEG = 1, CIMAGES_PNG = 2 } cimages_format;

typedef struct {
  int32_t width, height;  // as stored, whatever the orientation says
  int32_t channels;       // in the file: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK
  int32_t bits;           // of a sample in the file
  int32_t orientation;    // Exif's, 1 to 8; 1 when there is none
} cimages_header;

typedef struct {
  int32_t warnings;    // damage that the library repaired by guessing
  char message[200];   // the library's words for the failure, or for the first warning
} cimages_report;

/// What the first bytes say. Eight are enough.
cimages_format cimages_recognize(const uint8_t *bytes, size_t count);

/// Reads width, height and kind without decoding. Fails with CIMAGES_TOO_LARGE above `pixel_limit` pixels.
cimages_status cimages_read_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report);

typedef struct {
  int32_t denominator;  // JPEG only: 1, 2, 4 or 8; the image is decoded at ceil(size / denominator)
  // The part wanted, in pixels of the image at that scale; width 0 for all of it.
  int32_t left, top, width, height;
} cimages_region;

/// Decodes an image, or a part of it, to `height x width x 3` bytes RGB, rows from the top.
///
/// Grey becomes three equal channels; alpha is left out; 16 bits keep the upper 8; palettes are looked up; CMYK is taken to be
/// stored inverted, as Adobe does, and R = 255 - K - C (255 - K) / 255, which is what Pillow's `convert("RGB")` gives. Exif
/// orientation is not applied. JPEG: accurate integer DCT and smooth chroma upsampling, Pillow's defaults; a part has the
/// bytes that it has in the whole image.
/// - pixels: room for `capacity` bytes.
cimages_status cimages_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report);

typedef enum { CIMAGES_420 = 0, CIMAGES_422 = 1, CIMAGES_444 = 2 } cimages_subsampling;

/// Encodes `height x width x channels` (1 grey or 3 RGB) bytes. `quality` 1 to 100 on the IJG scale; with CIMAGES_420 these
/// are Pillow's bytes for `save(quality=...)`. `*encoded` is to be freed with `cimages_free`.
cimages_status cimages_encode_jpeg(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t quality,
    cimages_subsampling subsampling, uint8_t **encoded, size_t *count, cimages_report *report);

/// Encodes 8-bit grey (1), RGB (3) or RGBA (4) as PNG. `level` 0 to 9 is zlib's.
cimages_status cimages_encode_png(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t level, uint8_t **encoded,
    size_t *count, cimages_report *report);

void cimages_free(void *encoded);

#ifdef __cplusplus
}
#endif
#endif
