#!/usr/bin/env python3
"""What people write: a uniform soup in PyTorch. torch_mean.py OUTPUT INPUT..."""

import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

output, paths = sys.argv[1], sys.argv[2:]
files = [safe_open(path, framework="pt") for path in paths]
soup = {}
for name in files[0].keys():
    total = files[0].get_tensor(name).to(torch.float32)
    for file in files[1:]:
        total += file.get_tensor(name)
    dtype = files[0].get_tensor(name).dtype
    soup[name] = (total / len(paths)).to(dtype)
save_file(soup, output)
