// A small C API over LibTorch.
#ifndef SOUP_CTORCH_H
#define SOUP_CTORCH_H
#ifdef __cplusplus
extern "C" {
#endif
const char *ct_version(void);
#ifdef __cplusplus
}
#endif
#endif
