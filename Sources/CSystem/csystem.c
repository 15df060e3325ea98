#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

int csystem_exchange(const char *a, const char *b) {
#if defined(__linux__) && defined(SYS_renameat2)
  // 2 is RENAME_EXCHANGE; the call itself, because older C libraries have no function for it.
  if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2u) == 0) return 0;
  return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ? ENOTSUP : errno;
#elif defined(__APPLE__)
  return renamex_np(a, b, RENAME_SWAP) == 0 ? 0 : errno;
#else
  (void)a, (void)b;
  return ENOTSUP;
#endif
}
