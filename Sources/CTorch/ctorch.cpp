#include "CTorch.h"

#include <torch/torch.h>

const char *ct_version(void) { return TORCH_VERSION; }
