// What the codecs share; not for other targets.
#ifndef SOUP_CIMAGES_INTERNAL_H
#define SOUP_CIMAGES_INTERNAL_H

#include "include/CImages.h"

cimages_status cimages_jpeg_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report);
cimages_status cimages_jpeg_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report);
cimages_status cimages_png_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report);
cimages_status cimages_png_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report);

/// The orientation in a TIFF structure, as Exif has it; 1 if there is none or it makes no sense.
int32_t cimages_exif_orientation(const uint8_t *tiff, size_t count);

cimages_status cimages_fail(cimages_report *report, cimages_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
