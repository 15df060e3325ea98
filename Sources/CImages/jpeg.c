#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "internal.h"

#ifndef LIBJPEG_TURBO_VERSION
#error "this is not libjpeg-turbo, which alone decodes a part of an image: install libjpeg-turbo's headers"
#endif

// More passes over an image than any encoder writes; each costs time without costing bytes.
enum { SCAN_LIMIT = 200 };

typedef struct {
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  cimages_report *report;
  cimages_status status;
  int is_truncated;
} context;

static const JOCTET end_of_image[2] = {0xff, JPEG_EOI};

static void failed(j_common_ptr common) {
  context *c = common->client_data;
  char message[JMSG_LENGTH_MAX];
  common->err->format_message(common, message);
  if (c->status == CIMAGES_OK) {
    switch (common->err->msg_code) {
      case JERR_OUT_OF_MEMORY: c->status = CIMAGES_NO_MEMORY; break;
      case JERR_IMAGE_TOO_BIG:
      case JERR_WIDTH_OVERFLOW: c->status = CIMAGES_TOO_LARGE; break;
      case JERR_BAD_PRECISION:
      case JERR_CONVERSION_NOTIMPL:
      case JERR_ARITH_NOTIMPL:
      case JERR_NOT_COMPILED: c->status = CIMAGES_UNSUPPORTED; break;
      default: c->status = c->is_truncated ? CIMAGES_TRUNCATED : CIMAGES_DAMAGED;
    }
    snprintf(c->report->message, sizeof c->report->message, "%s", message);
  }
  longjmp(c->escape, 1);
}

static void warned(j_common_ptr common, int level) {
  context *c = common->client_data;
  if (level >= 0) return;
  if (c->report->warnings++ == 0) {
    char message[JMSG_LENGTH_MAX];
    common->err->format_message(common, message);
    snprintf(c->report->message, sizeof c->report->message, "%s", message);
  }
}

static void silent(j_common_ptr common) { (void)common; }

static void nothing(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean refill(j_decompress_ptr jpeg) {
  context *c = jpeg->client_data;
  c->is_truncated = 1;
  c->source.next_input_byte = end_of_image;
  c->source.bytes_in_buffer = sizeof end_of_image;
  return TRUE;
}

static void skip(j_decompress_ptr jpeg, long count) {
  context *c = jpeg->client_data;
  if (count <= 0) return;
  if ((size_t)count > c->source.bytes_in_buffer) {
    refill(jpeg);
  } else {
    c->source.next_input_byte += count;
    c->source.bytes_in_buffer -= (size_t)count;
  }
}

static void progressed(j_common_ptr common) {
  context *c = common->client_data;
  if (common->is_decompressor && ((j_decompress_ptr)common)->input_scan_number > SCAN_LIMIT) {
    c->status = cimages_fail(c->report, CIMAGES_TOO_LARGE, "more than %d scans of one image", SCAN_LIMIT);
    longjmp(c->escape, 1);
  }
}

// Ahead of `jpeg_create_decompress`, which may fail already.
static void prepare(context *c, struct jpeg_decompress_struct *jpeg, cimages_report *report) {
  memset(c, 0, sizeof *c);
  memset(jpeg, 0, sizeof *jpeg);
  c->report = report;
  jpeg->err = jpeg_std_error(&c->errors);
  jpeg->client_data = c;
  c->errors.error_exit = failed;
  c->errors.emit_message = warned;
  c->errors.output_message = silent;
}

static void open_bytes(context *c, struct jpeg_decompress_struct *jpeg, const uint8_t *bytes, size_t count) {
  c->source.init_source = nothing;
  c->source.fill_input_buffer = refill;
  c->source.skip_input_data = skip;
  c->source.resync_to_restart = jpeg_resync_to_restart;
  c->source.term_source = nothing;
  c->source.next_input_byte = bytes;
  c->source.bytes_in_buffer = count;
  jpeg->src = &c->source;
  c->progress.progress_monitor = progressed;
  jpeg->progress = &c->progress;
}

static void check_size(context *c, const struct jpeg_decompress_struct *jpeg, int64_t pixel_limit) {
  if ((int64_t)jpeg->image_width * jpeg->image_height > pixel_limit) {
    c->status = cimages_fail(
        c->report, CIMAGES_TOO_LARGE, "%u x %u pixels, more than %lld", jpeg->image_width, jpeg->image_height,
        (long long)pixel_limit);
    longjmp(c->escape, 1);
  }
}

cimages_status cimages_jpeg_header(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, cimages_header *header, cimages_report *report) {
  context c;
  struct jpeg_decompress_struct jpeg;
  prepare(&c, &jpeg, report);
  if (setjmp(c.escape)) {
    jpeg_destroy_decompress(&jpeg);
    return c.status;
  }
  jpeg_create_decompress(&jpeg);
  open_bytes(&c, &jpeg, bytes, count);
  jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);
  jpeg_read_header(&jpeg, TRUE);
  header->width = (int32_t)jpeg.image_width;
  header->height = (int32_t)jpeg.image_height;
  header->channels = jpeg.num_components;
  header->bits = jpeg.data_precision;
  header->orientation = 1;
  for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker; marker = marker->next) {
    if (marker->data_length > 6 && memcmp(marker->data, "Exif\0\0", 6) == 0) {
      header->orientation = cimages_exif_orientation(marker->data + 6, marker->data_length - 6);
      break;
    }
  }
  check_size(&c, &jpeg, pixel_limit);
  jpeg_destroy_decompress(&jpeg);
  return CIMAGES_OK;
}

// Adobe's programs store CMYK inverted, and nearly every such file is theirs: what is read is 255 - C and so on.
static void cmyk_to_rgb(const uint8_t *from, uint8_t *to, size_t count) {
  for (size_t i = 0; i < count; i++, from += 4, to += 3) {
    int light = from[3];  // 255 - K
    for (int channel = 0; channel < 3; channel++) {
      // Pillow's rounded a * b / 255.
      int product = (255 - from[channel]) * light + 128;
      int value = light - (((product >> 8) + product) >> 8);
      to[channel] = (uint8_t)(value < 0 ? 0 : value);
    }
  }
}

cimages_status cimages_jpeg_decode(
    const uint8_t *bytes, size_t count, int64_t pixel_limit, const cimages_region *region, uint8_t *pixels,
    size_t capacity, cimages_report *report) {
  context c;
  struct jpeg_decompress_struct jpeg;
  uint8_t *volatile row = NULL;
  prepare(&c, &jpeg, report);
  if (setjmp(c.escape)) {
    jpeg_destroy_decompress(&jpeg);
    free(row);
    return c.status;
  }
  jpeg_create_decompress(&jpeg);
  open_bytes(&c, &jpeg, bytes, count);
  jpeg_read_header(&jpeg, TRUE);
  check_size(&c, &jpeg, pixel_limit);
  if (jpeg.num_components == 4) {
    jpeg.out_color_space = JCS_CMYK;
  } else {
    jpeg.out_color_space = JCS_RGB;
  }
  jpeg.scale_num = 1;
  jpeg.scale_denom = (unsigned)region->denominator;
  jpeg.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&jpeg);

  JDIMENSION full_width = jpeg.output_width, full_height = jpeg.output_height;
  JDIMENSION left = (JDIMENSION)region->left, top = (JDIMENSION)region->top;
  JDIMENSION width = (JDIMENSION)region->width, height = (JDIMENSION)region->height;
  if (region->width == 0) left = top = 0, width = full_width, height = full_height;
  if (region->left < 0 || region->top < 0 || region->width < 0 || region->height < 0 || width > full_width ||
      left > full_width - width || height > full_height || top > full_height - height ||
      (uint64_t)width * height * 3 > capacity) {
    jpeg_destroy_decompress(&jpeg);
    return cimages_fail(
        report, CIMAGES_INVALID, "no region %d, %d of %d x %d in %u x %u pixels", region->left, region->top,
        region->width, region->height, full_width, full_height);
  }

  JDIMENSION start = 0, columns = full_width;
  if (left > 0 || width < full_width) {
    // Smooth upsampling looks at neighbours, which a narrower output would lack at its borders: one block more on each side.
    JDIMENSION margin = (JDIMENSION)(jpeg.max_h_samp_factor * DCTSIZE);
    start = left > margin ? left - margin : 0;
    JDIMENSION end = full_width - left - width > margin ? left + width + margin : full_width;
    columns = end - start;
    jpeg_crop_scanline(&jpeg, &start, &columns);
  }
  if (top > 0) jpeg_skip_scanlines(&jpeg, top);
  size_t components = (size_t)jpeg.output_components;
  row = malloc(columns * components);
  if (!row) {
    jpeg_destroy_decompress(&jpeg);
    return cimages_fail(report, CIMAGES_NO_MEMORY, "no memory for a row");
  }
  int is_direct = components == 3 && start == left && columns == width;
  for (JDIMENSION y = 0; y < height; y++) {
    uint8_t *target = pixels + (size_t)y * width * 3;
    JSAMPROW rows[1] = {is_direct ? target : row};
    // Every row yields: the source never suspends.
    if (jpeg_read_scanlines(&jpeg, rows, 1) != 1) break;
    if (components == 4) {
      cmyk_to_rgb(row + (left - start) * 4, target, width);
    } else if (!is_direct) {
      memcpy(target, row + (left - start) * 3, (size_t)width * 3);
    }
  }
  // A file that is cut off after the part that was wanted is as bad as any other that is cut off.
  if (jpeg.output_scanline < full_height && !(count >= 2 && memcmp(bytes + count - 2, end_of_image, 2) == 0)) {
    // Skipping to the very end would read nothing.
    JDIMENSION rest = full_height - jpeg.output_scanline;
    if (rest > 1) jpeg_skip_scanlines(&jpeg, rest - 1);
    JSAMPROW rows[1] = {row};
    jpeg_read_scanlines(&jpeg, rows, 1);
  }
  if (jpeg.output_scanline >= full_height) jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  free(row);
  return c.is_truncated ? cimages_fail(report, CIMAGES_TRUNCATED, "the JPEG data ends early, after %zu bytes", count)
                        : CIMAGES_OK;
}

cimages_status cimages_encode_jpeg(
    const uint8_t *pixels, int32_t width, int32_t height, int32_t channels, int32_t quality,
    cimages_subsampling subsampling, uint8_t **encoded, size_t *count, cimages_report *report) {
  memset(report, 0, sizeof *report);
  *encoded = NULL;
  *count = 0;
  if (width < 1 || height < 1 || width > 65500 || height > 65500 || (channels != 1 && channels != 3) || quality < 1 ||
      quality > 100) {
    return cimages_fail(
        report, CIMAGES_INVALID, "no JPEG of %d x %d x %d at quality %d", width, height, channels, quality);
  }
  context c;
  struct jpeg_compress_struct jpeg;
  unsigned char *volatile buffer = NULL;
  unsigned long size = 0;
  memset(&c, 0, sizeof c);
  memset(&jpeg, 0, sizeof jpeg);
  c.report = report;
  jpeg.err = jpeg_std_error(&c.errors);
  jpeg.client_data = &c;
  c.errors.error_exit = failed;
  c.errors.emit_message = warned;
  c.errors.output_message = silent;
  if (setjmp(c.escape)) {
    jpeg_destroy_compress(&jpeg);
    free(buffer);
    return c.status;
  }
  jpeg_create_compress(&jpeg);
  // The address outlives a longjmp: libjpeg writes through it when it makes room.
  jpeg_mem_dest(&jpeg, (unsigned char **)&buffer, &size);
  jpeg.image_width = (JDIMENSION)width;
  jpeg.image_height = (JDIMENSION)height;
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  if (channels == 3) {
    jpeg.comp_info[0].h_samp_factor = subsampling == CIMAGES_444 ? 1 : 2;
    jpeg.comp_info[0].v_samp_factor = subsampling == CIMAGES_420 ? 2 : 1;
  }
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW row[1] = {(JSAMPROW)(pixels + (size_t)jpeg.next_scanline * (size_t)width * (size_t)channels)};
    jpeg_write_scanlines(&jpeg, row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  *encoded = buffer;
  *count = size;
  return CIMAGES_OK;
}
