// JPEG and PNG through libjpeg-turbo and libpng, and the loops that touch every pixel. No header of those libraries is
// included from here: only this target needs them.
#ifndef SOUP_CIMAGES_H
#define SOUP_CIMAGES_H

#include "cimages_codecs.h"
#include "cimages_pixels.h"

#endif
