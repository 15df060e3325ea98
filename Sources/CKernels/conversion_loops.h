// Included once per instruction set by instances.h.

static void CK_NAME(count_losses)(const double *restrict x, const double *restrict y, size_t n, ck_losses *losses,
                                  size_t *not_finite) {
  uint64_t changed = 0, vanished = 0, unbounded = 0;
  for (size_t i = 0; i < n; i++) {
    changed += (uint64_t)((x[i] != y[i]) & ((x[i] == x[i]) | (y[i] == y[i])));
    vanished += (uint64_t)((x[i] != 0) & (y[i] == 0));
    unbounded += (uint64_t)!(fabs(x[i]) <= DBL_MAX);
  }
  losses->changed += changed;
  losses->vanished += vanished;
  *not_finite += unbounded;
}
