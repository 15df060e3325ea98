// Calls of the system that Swift's own modules do not show.
#ifndef SOUP_CSYSTEM_H
#define SOUP_CSYSTEM_H

#ifdef __cplusplus
extern "C" {
#endif

/// Exchanges two names on one file system at once, so that neither is ever missing.
///
/// 0, or an error number: ENOTSUP where the system or the file system cannot.
int csystem_exchange(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
