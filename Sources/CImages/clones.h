// Functions compiled once for each instruction set; the dynamic linker picks. Elsewhere than on x86-64 Linux: once.
#ifndef SOUP_CIMAGES_CLONES_H
#define SOUP_CIMAGES_CLONES_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__)
#define CLONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED
#endif
#define INLINE static inline __attribute__((always_inline))

#include "include/CImages.h"

/// Room for `count` bytes in a slot of the workspace; null when memory is short.
void *cimages_room(cimages_workspace *workspace, int slot, size_t count);

#endif
