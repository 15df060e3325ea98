#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

// No text, profile or other side chunk of an image needs more.
enum { CHUNK_LIMIT = 8 << 20 };

// What must be found again after a longjmp is in here, not in variables that may be in registers.
typedef struct {
  jmp_buf escape;
  png_structp png;
  png_infop info;
  uint8_t *rows;
  const uint8_t *bytes;
  size_t count, position;
  uint8_t *output;
  size_t output_count, output_capacity;
  cimages_report *report;
  cimages_status status;
} context;

static void failed(png_structp png, png_const_charp message) {
  context *c = png_get_error_ptr(png);
  if (c->status == CIMAGES_OK) {
    c->status = strstr(message, "memory") ? CIMAGES_NO_MEMORY : CIMAGES_DAMAGED;
    snprintf(c->report->message, sizeof c->report->message, "%s", message);
  }
  longjmp(c->escape, 1);
}

static void warned(png_structp png, png_const_charp message) {
  context *c = png_get_error_ptr(png);
  if (c->report->warnings++ == 0) snprintf(c->report->message, sizeof c->report->message, "%s", message);
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  context *c = png_get_io_ptr(png);
  if (count > c->count - c->position) {
    c->status = cimages_fail(c->report, CIMAGES_TRUNCATED, "the PNG data ends early, after %zu bytes", c->count);
    longjmp(c->escape, 1);
  }
  memcpy(to, c->bytes + c->position, count);
  c->position += count;
}

static void open_image(context *c, int64_t pixel_limit) {
  c->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, c, failed, warned);
  if (!c->png) {
    c->status = cimages_fail(c->report, CIMAGES_NO_MEMORY, "no memory to decode PNG");
    longjmp(c->escape, 1);
  }
  c->info = png_create_info_struct(c->png);
  if (!c->info) {
    c->status = cimages_fail(c->report, CIMAGES_NO_MEMORY, "no memory to decode PNG");
    longjmp(c->escape, 1);
  }
  png_set_read_fn(c->png, c, read_bytes);
  // Sizes are ours to judge, after the header; profiles and texts are not read at all.
  png_set_user_limits(c->png, 0x7fffffff, 0x7fffffff);
  png_set_chunk_malloc_max(c->png, CHUNK_LIMIT);
  png_set_chunk_cache_max(c->png, 64);
  static const png_byte ignored[] = "iCCP\0sPLT\0zTXt\0iTXt\0tEXt\0hIST";
  png_set_keep_unknown_chunks(c->png, PNG_HANDLE_CHUNK_NEVER, ignored, 6);
  png_read_info(c->png, c->info);
  int64_t width = png_get_image_width(c->png, c->info), height = png_get_image_height(c->png, c->info);
  if (width * height > pixel_limit) {
    c->status = cimages_fail(
        c->report, CIMAGES_TOO_LARGE, "%lld x %lld pixels, more than %lld", (long long)width, (long long)height,
        (long long)pixel_limit);
    longjmp(c->escape, 1);
  }
  // Deflate packs at most 1032 to 1: a header that claims more than the bytes can hold gets no memory.
  if (png_get_rowbytes(c->png, c->info) * (size_t)height / 1032 > c->count) {
    c->status = cimages_fail(
        c->report, CIMAGES_TRUNCATED, "%zu bytes cannot hold %lld x %lld pixels", c->count, (long long)width,
        (long long)height);
    longjmp(c->escape, 1);
  }
}

static void begin(context *c, const uint8_t *bytes, size_t count, cimages_report *report) {
  memset(c, 0, sizeof *c);
  c->bytes = bytes;
  c->count = count;
  c->report = report;
}

cimages_status cimages_png_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report) {
  context c;
  begin(&c, bytes, count, report);
  if (setjmp(c.escape)) {
    png_destroy_read_struct(&c.png, &c.info, NULL);
    return c.status;
  }
  open_image(&c, pixel_limit);
  header->width = (int32_t)png_get_image_width(c.png, c.info);
  header->height = (int32_t)png_get_image_height(c.png, c.info);
  int type = png_get_color_type(c.png, c.info);
  header->channels = type == PNG_COLOR_TYPE_PALETTE ? 3 : png_get_channels(c.png, c.info);
  header->bits = png_get_bit_depth(c.png, c.info);
  header->orientation = 1;
#ifdef PNG_eXIf_SUPPORTED
  png_uint_32 exif_count = 0;
  png_bytep exif = NULL;
  if (png_get_eXIf_1(c.png, c.info, &exif_count, &exif)) header->orientation = cimages_exif_orientation(exif, exif_count);
#endif
  png_destroy_read_struct(&c.png, &c.info, NULL);
  return CIMAGES_OK;
}

cimages_status cimages_png_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report) {
  context c;
  begin(&c, bytes, count, report);
  if (setjmp(c.escape)) {
    png_destroy_read_struct(&c.png, &c.info, NULL);
    free(c.rows);
    return c.status;
  }
  open_image(&c, pixel_limit);
  size_t full_width = png_get_image_width(c.png, c.info), full_height = png_get_image_height(c.png, c.info);
  size_t left = (size_t)region->left, top = (size_t)region->top;
  size_t width = (size_t)region->width, height = (size_t)region->height;
  if (region->width == 0) left = top = 0, width = full_width, height = full_height;
  if (region->denominator != 1 || region->left < 0 || region->top < 0 || region->width < 0 || region->height < 0 ||
      width > full_width || left > full_width - width || height > full_height || top > full_height - height ||
      width * height * 3 > capacity) {
    png_destroy_read_struct(&c.png, &c.info, NULL);
    return cimages_fail(
        report, CIMAGES_INVALID, "no region %d, %d of %d x %d at 1/%d in %zu x %zu pixels", region->left, region->top,
        region->width, region->height, region->denominator, full_width, full_height);
  }
  png_set_expand(c.png);
  png_set_strip_16(c.png);
  png_set_strip_alpha(c.png);
  png_set_gray_to_rgb(c.png);
  int passes = png_set_interlace_handling(c.png);
  png_read_update_info(c.png, c.info);
  if (png_get_rowbytes(c.png, c.info) != full_width * 3) {
    png_destroy_read_struct(&c.png, &c.info, NULL);
    return cimages_fail(report, CIMAGES_UNSUPPORTED, "an unknown kind of PNG");
  }
  int is_whole = width == full_width && height == full_height;
  // Without interlacing one row at a time is enough for a part; with it all of the image is.
  size_t room = is_whole ? 1 : passes == 1 ? full_width * 3 : full_width * 3 * full_height;
  c.rows = malloc(room);
  if (!c.rows) {
    png_destroy_read_struct(&c.png, &c.info, NULL);
    return cimages_fail(report, CIMAGES_NO_MEMORY, "no memory for %zu bytes", room);
  }
  for (int pass = 0; pass < passes; pass++) {
    for (size_t y = 0; y < full_height; y++) {
      uint8_t *row = is_whole ? pixels + y * full_width * 3 : passes == 1 ? c.rows : c.rows + y * full_width * 3;
      png_read_row(c.png, row, NULL);
      if (!is_whole && pass == passes - 1 && y >= top && y < top + height) {
        memcpy(pixels + (y - top) * width * 3, row + left * 3, width * 3);
      }
    }
  }
  png_read_end(c.png, NULL);
  png_destroy_read_struct(&c.png, &c.info, NULL);
  free(c.rows);
  return CIMAGES_OK;
}

static void write_bytes(png_structp png, png_bytep from, size_t count) {
  context *c = png_get_io_ptr(png);
  if (count > c->output_capacity - c->output_count) {
    size_t capacity = 2 * c->output_capacity + count;
    uint8_t *larger = realloc(c->output, capacity);
    if (!larger) png_error(png, "out of memory");
    c->output = larger;
    c->output_capacity = capacity;
  }
  memcpy(c->output + c->output_count, from, count);
  c->output_count += count;
}

static void flush_bytes(png_structp png) { (void)png; }

cimages_status cimages_encode_png(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t level, uint8_t **encoded,
    size_t *count, cimages_report *report) {
  memset(report, 0, sizeof *report);
  *encoded = NULL;
  *count = 0;
  if (width < 1 || height < 1 || (channels != 1 && channels != 3 && channels != 4) || level < 0 || level > 9) {
    return cimages_fail(report, CIMAGES_INVALID, "no PNG of %d x %d x %d", width, height, channels);
  }
  context c;
  begin(&c, NULL, 0, report);
  if (setjmp(c.escape)) {
    png_destroy_write_struct(&c.png, &c.info);
    free(c.output);
    return c.status;
  }
  c.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &c, failed, warned);
  c.info = c.png ? png_create_info_struct(c.png) : NULL;
  if (!c.info) {
    png_destroy_write_struct(&c.png, &c.info);
    return cimages_fail(report, CIMAGES_NO_MEMORY, "no memory to encode PNG");
  }
  png_set_write_fn(c.png, &c, write_bytes, flush_bytes);
  png_set_compression_level(c.png, level);
  int type = channels == 1 ? PNG_COLOR_TYPE_GRAY : channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGBA;
  png_set_IHDR(
      c.png, c.info, (png_uint_32)width, (png_uint_32)height, 8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  png_write_info(c.png, c.info);
  for (int32_t y = 0; y < height; y++) {
    png_write_row(c.png, pixels + (size_t)y * (size_t)width * (size_t)channels);
  }
  png_write_end(c.png, c.info);
  png_destroy_write_struct(&c.png, &c.info);
  *encoded = c.output;
  *count = c.output_count;
  return CIMAGES_OK;
}
