// The loops that touch every pixel: resizing, colour, blur, normalization. The numbers are Pillow's, to the bit.
#ifndef SOUP_CIMAGES_PIXELS_H
#define SOUP_CIMAGES_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Memory that the functions here grow as needed and leave to the next call; begin with {0}, end with `cimages_clear`.
/// One for each thread.
typedef struct {
  void *bytes[4];
  size_t capacity[4];
} cimages_workspace;

void cimages_clear(cimages_workspace *workspace);

typedef enum { CIMAGES_BOX = 0, CIMAGES_BILINEAR = 1, CIMAGES_BICUBIC = 2 } cimages_filter;

/// Resizes the part `box` = (left, top, right, bottom) of `height x width x 3` bytes to `out_height x out_width x 3`: support
/// grows with the reduction (antialiasing), coefficients have 22 fractional bits, rows first and then columns, rounded to 8
/// bits between: Pillow's `resize(size, filter, box)`.
/// - stride: bytes from one row of `pixels` to the next.
/// - returns: 0, or 1 when memory is short.
int cimages_resize(
    const uint8_t *pixels, size_t width, size_t height, size_t stride, const float box[4], uint8_t *out,
    size_t out_width, size_t out_height, cimages_filter filter, cimages_workspace *workspace);

/// Mirrors left and right, in place.
void cimages_flip(uint8_t *pixels, size_t width, size_t height);

/// `value[i] = table[value[i]]`: solarize, invert, posterize, equalize (one table), with `step` 256 one for each channel.
void cimages_lookup(uint8_t *pixels, size_t count, const uint8_t *table, size_t step);

/// Pillow's `convert("L")`, (19595 R + 38470 G + 7471 B + 32768) >> 16, in all three channels.
void cimages_grey(uint8_t *pixels, size_t count);
/// The sum of that over `count` pixels.
uint64_t cimages_grey_sum(const uint8_t *pixels, size_t count);

/// Pillow's `Image.blend` of a constant with the image: brightness (0), contrast (the mean grey).
void cimages_blend_constant(uint8_t *pixels, size_t count, int constant, float factor);
/// Likewise of the grey image with the image: saturation.
void cimages_blend_grey(uint8_t *pixels, size_t count, float factor);

/// Turns the hue by `shift`/256 of a circle through Pillow's 8-bit HSV, as torchvision's `adjust_hue` does.
void cimages_turn_hue(uint8_t *pixels, size_t count, uint8_t shift);

/// Pillow's `GaussianBlur(radius)`: three box blurs with fractional radius along rows, then three along columns.
/// - returns: 0, or 1 when memory is short.
int cimages_gaussian_blur(uint8_t *pixels, size_t width, size_t height, float radius, cimages_workspace *workspace);

/// Pillow's `transform(size, AFFINE, a)` with the nearest pixel, in its 16.16 fixed point: out(x, y) = in(a0 x + a1 y + a2,
/// a3 x + a4 y + a5), black outside. `out` is another `height x width x 3` bytes.
void cimages_affine(const uint8_t *pixels, size_t width, size_t height, const double a[6], uint8_t *out);

/// Pillow's `ImageEnhance.Sharpness`: blends the image smoothed by (1 1 1; 1 5 1; 1 1 1) / 13 with it; borders stay.
/// - returns: 0, or 1 when memory is short.
int cimages_sharpness(uint8_t *pixels, size_t width, size_t height, float factor, cimages_workspace *workspace);

/// How often each value occurs: 256 counts for each of 3 channels.
void cimages_histogram(const uint8_t *pixels, size_t count, uint32_t *counts);

/// Bytes to planes of floats, through 256 values for each of 3 channels: `out[c][y][x] = table[c * 256 + byte]`; `mirrored`
/// writes each row from its end.
void cimages_normalize(
    const uint8_t *pixels, size_t width, size_t height, int mirrored, const float *table, float *out);

#ifdef __cplusplus
}
#endif
#endif
