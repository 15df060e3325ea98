#!/usr/bin/env python3
"""Checks a uniform soup with PyTorch and the safetensors package, against Float64 means rounded once.

    soup mix a.safetensors b.safetensors -o soup.safetensors
    .venv/bin/python Tools/check_soup.py soup.safetensors a.safetensors b.safetensors

Exits with 1 and names the tensors that differ in any bit.
"""
import sys

import torch
from safetensors.torch import load_file

soup, ingredients = load_file(sys.argv[1]), [load_file(path) for path in sys.argv[2:]]
wrong = []
for name, tensor in soup.items():
    stack = [ingredient[name] for ingredient in ingredients]
    if tensor.is_floating_point():
        total = stack[0].double()
        for other in stack[1:]:
            total = total + other.double()
        expected = (total * (1 / len(stack))).to(tensor.dtype)
    else:
        expected = stack[0]
    if tensor.dtype != expected.dtype or tensor.shape != expected.shape or not torch.equal(
        tensor.reshape(-1).view(torch.uint8), expected.reshape(-1).view(torch.uint8)
    ):
        wrong.append(name)
missing = set(ingredients[0]) ^ set(soup)
print(f"{len(soup) - len(wrong)} of {len(ingredients[0])} tensors are right", *wrong, *missing)
sys.exit(bool(wrong or missing))
