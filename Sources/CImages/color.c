#include <math.h>
#include <string.h>

#include "clones.h"

void cimages_flip(uint8_t *pixels, size_t width, size_t height) {
  for (size_t y = 0; y < height; y++) {
    uint8_t *a = pixels + y * width * 3, *b = a + (width - 1) * 3;
    for (; a < b; a += 3, b -= 3) {
      uint8_t kept[3];
      memcpy(kept, a, 3);
      memcpy(a, b, 3);
      memcpy(b, kept, 3);
    }
  }
}

void cimages_lookup(uint8_t *pixels, size_t count, const uint8_t *table, size_t step) {
  if (step == 0) {
    for (size_t i = 0; i < count * 3; i++) pixels[i] = table[pixels[i]];
  } else {
    for (size_t i = 0; i < count; i++, pixels += 3) {
      for (size_t c = 0; c < 3; c++) pixels[c] = table[c * step + pixels[c]];
    }
  }
}

INLINE uint32_t grey(const uint8_t *pixel) {
  return (pixel[0] * 19595u + pixel[1] * 38470u + pixel[2] * 7471u + 0x8000u) >> 16;
}

CLONED void cimages_grey(uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint8_t value = (uint8_t)grey(pixels + 3 * i);
    pixels[3 * i] = pixels[3 * i + 1] = pixels[3 * i + 2] = value;
  }
}

CLONED uint64_t cimages_grey_sum(const uint8_t *pixels, size_t count) {
  uint64_t total = 0;
  while (count > 0) {
    // Short enough for 32 bits.
    size_t part = count < 1 << 16 ? count : 1 << 16;
    uint32_t sum = 0;
    for (size_t i = 0; i < part; i++) sum += grey(pixels + 3 * i);
    total += sum;
    pixels += 3 * part;
    count -= part;
  }
  return total;
}

INLINE uint8_t blend(int from, int to, float factor) {
  float value = (float)from + factor * (float)(to - from);
  value = value < 0.0f ? 0.0f : value;
  value = value > 255.0f ? 255.0f : value;
  return (uint8_t)(int32_t)value;
}

CLONED void cimages_blend_constant(uint8_t *pixels, size_t count, int constant, float factor) {
  for (size_t i = 0; i < count * 3; i++) pixels[i] = blend(constant, pixels[i], factor);
}

CLONED void cimages_blend_grey(uint8_t *pixels, size_t count, float factor) {
  enum { STEP = 1024 };
  uint8_t greys[STEP];
  while (count > 0) {
    size_t part = count < STEP ? count : STEP;
    for (size_t i = 0; i < part; i++) greys[i] = (uint8_t)grey(pixels + 3 * i);
    for (size_t i = 0; i < part; i++) {
      for (int c = 0; c < 3; c++) pixels[3 * i + (size_t)c] = blend(greys[i], pixels[3 * i + (size_t)c], factor);
    }
    pixels += 3 * part;
    count -= part;
  }
}

// Pillow's rgb2hsv_row and hsv2rgb, in the mixture of float and double that C's rules make of them there.
static void turn(uint8_t *pixel, uint8_t shift) {
  int r = pixel[0], g = pixel[1], b = pixel[2];
  int largest = r > g ? (r > b ? r : b) : (g > b ? g : b), smallest = r < g ? (r < b ? r : b) : (g < b ? g : b);
  if (largest == smallest) return;  // no colour: hue says nothing
  float range = (float)(largest - smallest), s = range / (float)largest;
  float rc = (float)(largest - r) / range, gc = (float)(largest - g) / range, bc = (float)(largest - b) / range, h;
  if (r == largest) {
    h = bc - gc;
  } else if (g == largest) {
    h = (float)(2.0 + rc - bc);
  } else {
    h = (float)(4.0 + gc - rc);
  }
  // The remainder of a number between 0 and 2.
  double circle = h / 6.0 + 1.0;
  h = (float)(circle >= 1.0 ? circle - 1.0 : circle);
  uint8_t hue = (uint8_t)((int)(h * 255.0)), saturation = (uint8_t)((int)(s * 255.0));
  hue = (uint8_t)(hue + shift);

  if (saturation == 0) {
    pixel[0] = pixel[1] = pixel[2] = (uint8_t)largest;
    return;
  }
  float v = (float)largest;
  int sector = (int)(hue * 6.0 / 255.0);
  float f = (float)((float)hue * 6.0 / 255.0 - (float)sector), fs = (float)((float)saturation / 255.0);
  uint8_t p = (uint8_t)lrint(floor(v * (1.0 - fs) + 0.5)), q = (uint8_t)lrint(floor(v * (1.0 - fs * f) + 0.5));
  uint8_t t = (uint8_t)lrint(floor(v * (1.0 - fs * (1.0 - f)) + 0.5)), full = (uint8_t)largest;
  switch (sector % 6) {
    case 0: pixel[0] = full, pixel[1] = t, pixel[2] = p; break;
    case 1: pixel[0] = q, pixel[1] = full, pixel[2] = p; break;
    case 2: pixel[0] = p, pixel[1] = full, pixel[2] = t; break;
    case 3: pixel[0] = p, pixel[1] = q, pixel[2] = full; break;
    case 4: pixel[0] = t, pixel[1] = p, pixel[2] = full; break;
    default: pixel[0] = full, pixel[1] = p, pixel[2] = q; break;
  }
}

CLONED void cimages_turn_hue(uint8_t *pixels, size_t count, uint8_t shift) {
  for (size_t i = 0; i < count; i++) turn(pixels + 3 * i, shift);
}

CLONED void cimages_normalize(
    const uint8_t *pixels, size_t width, size_t height, int mirrored, const float *table, float *out) {
  size_t plane = width * height;
  const float *red = table, *green = table + 256, *blue = table + 512;
  for (size_t y = 0; y < height; y++) {
    const uint8_t *row = pixels + y * width * 3;
    float *to = out + y * width;
    if (mirrored) {
      for (size_t x = 0; x < width; x++) {
        const uint8_t *pixel = row + (width - 1 - x) * 3;
        to[x] = red[pixel[0]];
        to[x + plane] = green[pixel[1]];
        to[x + 2 * plane] = blue[pixel[2]];
      }
    } else {
      for (size_t x = 0; x < width; x++) {
        to[x] = red[row[3 * x]];
        to[x + plane] = green[row[3 * x + 1]];
        to[x + 2 * plane] = blue[row[3 * x + 2]];
      }
    }
  }
}
