// libFuzzer as a library (compiler-rt, "Using libFuzzer as a library").
#ifndef SOUP_CFUZZER_H
#define SOUP_CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/// Runs `one_input` on mutated inputs until the time or the number of runs that `argv` gives is over.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one_input)(const uint8_t *data, size_t size));

#endif
