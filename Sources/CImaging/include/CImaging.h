// The loops of image corruptions. Compiled once per instruction set and picked when the program is loaded.
//
// No multiplication is fused with an addition, so that an image comes out the same, bit for bit, on every processor.
// Images are bytes, rows from the top, three channels together; `n` counts bytes or floats, whichever the pointers name.
#ifndef CIMAGING_H
#define CIMAGING_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// --- random.c: Philox4x32-10 ---------------------------------------------------------------------------------------

// Words first ..< first + n of the stream with this key. `first` is a multiple of 4.
void ci_words(uint64_t key, uint64_t first, uint32_t *out, size_t n);
// Uniform numbers in [low, low + range): low + range * (word >> 8) / 2^24.
void ci_uniforms(uint64_t key, uint64_t first, float low, float range, float *out, size_t n);
// Normal numbers by Box and Muller; two words make two numbers. `n` is rounded up to even for the words it uses.
void ci_normals(uint64_t key, uint64_t first, float mean, float deviation, float *out, size_t n);
// Integers 0 ..< bound: (word * bound) >> 32.
void ci_integers(uint64_t key, uint64_t first, uint32_t bound, uint16_t *out, size_t n);

// --- noise.c -------------------------------------------------------------------------------------------------------

// p + scale * noise, clipped, cut to a byte.
void ci_add_noise(uint8_t *pixels, const float *noise, float scale, size_t n);
// p + p * scale * noise.
void ci_multiply_noise(uint8_t *pixels, const float *noise, float scale, size_t n);
// 255 where uniform < fraction / 2, 0 where it is below fraction, else unchanged.
void ci_salt_and_pepper(uint8_t *pixels, const float *uniforms, float fraction, size_t n);
// Every byte replaced by a draw from its own distribution over bytes, by Walker's alias method. Entry (byte << bits) + i
// has the share of its first outcome in 2^16 (16 bits), the first outcome, the second outcome (8 bits each).
void ci_replace_by_alias(uint8_t *pixels, const uint32_t *table, unsigned bits, const uint32_t *words, size_t n);

// --- filter.c ------------------------------------------------------------------------------------------------------

// How an image goes on beyond its border.
enum { CI_NEAREST = 0, CI_REFLECT = 1, CI_REFLECT_101 = 2 };
// `i` folded into 0 ..< n.
ptrdiff_t ci_fold(ptrdiff_t i, ptrdiff_t n, int mode);

// A copy with `pad` more pixels on every side: (height + 2 pad) x (width + 2 pad) x channels.
void ci_pad(const uint8_t *pixels, size_t height, size_t width, size_t channels, size_t pad, int mode, uint8_t *out);
void ci_pad_floats(const float *values, size_t height, size_t width, size_t pad, int mode, float *out);

// out[r][i] = sum over t of weights[t] * source[r * source_stride + i + offsets[t]], or added to out[r][i].
void ci_taps_bytes(const uint8_t *source, size_t source_stride, const ptrdiff_t *offsets, const float *weights,
                   size_t taps, float *out, size_t out_stride, size_t rows, size_t n, int accumulate);
void ci_taps(const float *source, size_t source_stride, const ptrdiff_t *offsets, const float *weights, size_t taps,
             float *out, size_t out_stride, size_t rows, size_t n, int accumulate);
// Sums along each row: out[r][i + channels] = out[r][i] + source[r][i], beginning with zeros; out has n + channels floats
// a row. Exact while the sums stay below 2^24.
void ci_row_sums(const uint8_t *source, size_t channels, float *out, size_t rows, size_t n);
// out = matrix * source: (rows x inner) times (inner x n).
void ci_multiply(const float *matrix, const float *source, float *out, size_t rows, size_t inner, size_t n);
void ci_transpose(const float *source, float *out, size_t rows, size_t columns);
// Floats to bytes: clipped, cut. 2^-13 is added, so that what is a whole number but for rounding stays that number.
void ci_to_bytes(const float *values, uint8_t *out, size_t n);
// The same after + 0.5: rounded.
void ci_round_to_bytes(const float *values, uint8_t *out, size_t n);

// --- glass.c -------------------------------------------------------------------------------------------------------

// One sweep from the last inner pixel to the first: each is overwritten by the pixel at (dy, dx) from it. A draw q in
// 0 ..< (2 reach)^2 means dx = q / (2 reach) - reach, dy = q % (2 reach) - reach. `work` holds height * width words.
void ci_glass(uint8_t *pixels, size_t height, size_t width, unsigned reach, const uint16_t *draws, size_t sweeps,
              uint32_t *work);

// --- zoom.c --------------------------------------------------------------------------------------------------------

// Adds centre zooms of the image by each factor to the image and divides by their number + 1. See ZoomBlur.
void ci_zoom_blur(uint8_t *pixels, size_t height, size_t width, const double *factors, size_t count);
// A centre zoom of one plane of floats, in place.
void ci_zoom_plane(float *values, size_t height, size_t width, double factor);

// --- colour.c ------------------------------------------------------------------------------------------------------

void ci_brightness(uint8_t *pixels, float shift, size_t pixel_count);
void ci_saturation(uint8_t *pixels, float factor, float shift, size_t pixel_count);
void ci_contrast(uint8_t *pixels, float factor, size_t pixel_count);
// a * pixels + b * other.
void ci_blend(uint8_t *pixels, const uint8_t *other, float a, float b, size_t n);
// (p + amount[i / 3]) * factor for every byte p.
void ci_veil(uint8_t *pixels, const float *amount, float factor, size_t pixel_count);
// keep * p + (1 - keep) * max(p, 1.5 luma + 127.5) + layer[i] + layer[pixel_count - 1 - i], the layer rounded.
void ci_snow(uint8_t *pixels, const float *layer, float keep, size_t pixel_count);
// p * (1 - mask) + mask * colour, or p + mask * colour.
void ci_cover(uint8_t *pixels, const float *mask, const float *colour, int replace, size_t pixel_count);
// 255 v, clipped and cut, where v >= threshold; else 0.
void ci_threshold(const float *values, float threshold, uint8_t *out, size_t n);
// The top left height x width of a square map times a factor; `out` may be `map`.
void ci_crop_scaled(const float *map, size_t size, float factor, float *out, size_t height, size_t width);
uint8_t ci_largest(const uint8_t *pixels, size_t n);

// --- plasma.c ------------------------------------------------------------------------------------------------------

// Diamond-square on a torus of `size` x `size`, a power of two; `uniforms` in [-1, 1) has size^2 - 1 numbers. The result
// is shifted and scaled to [0, 1].
void ci_plasma(float *map, size_t size, double decay, const float *uniforms);

// --- warp.c --------------------------------------------------------------------------------------------------------

// out(x, y) = pixels(a x + b y + c, d x + e y + f), bilinear, reflected without repeating the border.
void ci_affine(const uint8_t *pixels, size_t height, size_t width, const double matrix[_Nonnull 6], float *out4);
// out(x, y) = image(x + dx, y + dy), bilinear, reflected with the border repeated; image has 4 floats a pixel.
void ci_displace(const float *image4, size_t height, size_t width, const float *dx, const float *dy, uint8_t *out);

// --- pixelate.c ----------------------------------------------------------------------------------------------------

// A box-filtered reduction to small_height x small_width, and back by nearest neighbours. `work` holds
// (height + small_height) * small_width * 3 bytes.
void ci_pixelate(uint8_t *pixels, size_t height, size_t width, size_t small_height, size_t small_width, uint8_t *work);
// The reduction alone.
void ci_box_reduce(const uint8_t *pixels, size_t height, size_t width, size_t small_height, size_t small_width,
                   uint8_t *work, uint8_t *out);

// --- edges.c -------------------------------------------------------------------------------------------------------

// Canny's edges with 3 x 3 Sobel derivatives and |gx| + |gy|: 255 on an edge, 0 elsewhere. `work` holds
// 3 * (height + 2) * (width + 2) 32-bit words.
void ci_canny(const uint8_t *plane, size_t height, size_t width, int low, int high, uint8_t *edges, int32_t *work);
// Distance to the nearest zero byte of `edges == 0 ? 1 : 0` by a 5 x 5 chamfer (1, 1.4, 2.1969). `work` holds
// (height + 4) * (width + 4) 32-bit words.
void ci_edge_distance(const uint8_t *edges, size_t height, size_t width, float *distance, uint32_t *work);
// Spreads the histogram of a plane over 0 ... 255.
void ci_equalize(uint8_t *plane, size_t n);

#pragma clang assume_nonnull end
#endif
