// Lets Swift see zlib.
#ifndef SOUP_CZLIB_H
#define SOUP_CZLIB_H
#include <zlib.h>
/// inflateInit2 is a macro that Swift cannot import.
int czlib_inflate_init(z_stream *stream, int window_bits);
#endif
