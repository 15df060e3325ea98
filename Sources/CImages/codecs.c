#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

cimages_status cimages_fail(cimages_report *report, cimages_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report->message, sizeof report->message, format, arguments);
  va_end(arguments);
  return status;
}

cimages_format cimages_recognize(const uint8_t *bytes, size_t count) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff) return CIMAGES_JPEG;
  if (count >= 8 && memcmp(bytes, png, 8) == 0) return CIMAGES_PNG;
  return CIMAGES_UNKNOWN;
}

static cimages_status unknown(const uint8_t *bytes, size_t count, cimages_report *report) {
  if (count == 0) return cimages_fail(report, CIMAGES_TRUNCATED, "the file is empty");
  char start[32] = "";
  for (size_t i = 0; i < count && i < 8; i++) snprintf(start + 3 * i, 4, "%02x ", bytes[i]);
  return cimages_fail(report, CIMAGES_DAMAGED, "neither JPEG nor PNG: begins with %s", start);
}

cimages_status cimages_read_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report) {
  memset(report, 0, sizeof *report);
  memset(header, 0, sizeof *header);
  switch (cimages_recognize(bytes, count)) {
    case CIMAGES_JPEG: return cimages_jpeg_header(bytes, count, pixel_limit, header, report);
    case CIMAGES_PNG: return cimages_png_header(bytes, count, pixel_limit, header, report);
    default: return unknown(bytes, count, report);
  }
}

cimages_status cimages_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report) {
  memset(report, 0, sizeof *report);
  switch (cimages_recognize(bytes, count)) {
    case CIMAGES_JPEG: return cimages_jpeg_decode(bytes, count, pixel_limit, region, pixels, capacity, report);
    case CIMAGES_PNG: return cimages_png_decode(bytes, count, pixel_limit, region, pixels, capacity, report);
    default: return unknown(bytes, count, report);
  }
}

void cimages_free(void *encoded) { free(encoded); }

static uint32_t number(const uint8_t *at, int size, int is_big) {
  uint32_t value = 0;
  for (int i = 0; i < size; i++) value = value << 8 | at[is_big ? i : size - 1 - i];
  return value;
}

int32_t cimages_exif_orientation(const uint8_t *tiff, size_t count) {
  if (count < 8) return 1;
  int is_big = tiff[0] == 'M';
  if (tiff[0] != tiff[1] || (tiff[0] != 'M' && tiff[0] != 'I') || number(tiff + 2, 2, is_big) != 42) return 1;
  size_t directory = number(tiff + 4, 4, is_big);
  if (directory > count - 2) return 1;
  size_t entries = number(tiff + directory, 2, is_big);
  for (size_t i = 0; i < entries; i++) {
    size_t at = directory + 2 + 12 * i;
    if (at + 12 > count) return 1;
    if (number(tiff + at, 2, is_big) != 0x0112) continue;
    uint32_t value = number(tiff + at + 8, 2, is_big);
    return value >= 1 && value <= 8 ? (int32_t)value : 1;
  }
  return 1;
}
