#!/usr/bin/env python3
"""Loads checkpoints of ours into PyTorch with strict=True and lets PyTorch judge them.

    check_interop.py CHECKPOINT… [--data FOLDER] [--expect ACCURACY] [--mean M --std S] [--tolerance T]

Without --data it checks names, shapes and dtypes against the plain-PyTorch modules of reference.py, built from the
checkpoint's own metadata. With --data (the folder of Fashion-MNIST's four .gz files) it also measures the test accuracy
in PyTorch; --expect compares it with the accuracy that `soup evaluate` printed, as a fraction, to within --tolerance.
Exit code 0 if all is well, 1 otherwise. Needs torch, numpy, safetensors.
"""

import argparse
import gzip
import json
import pathlib
import sys

import numpy as np
import reference
import torch
from safetensors import safe_open


def load(path: str):
    """The PyTorch module with the checkpoint's weights."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}
    if metadata.get("format") != "pt":
        raise ValueError(f"metadata 'format' is {metadata.get('format')!r}, PyTorch's tools expect 'pt'")
    if "soup.model" not in metadata:
        raise ValueError("no 'soup.model' in the metadata; was it written by soup?")
    configuration = json.loads(metadata["soup.model"])
    model = reference.build(configuration)
    model.load_state_dict(state, strict=True)
    for name, tensor in model.state_dict().items():
        if name in state and state[name].is_floating_point() != tensor.is_floating_point():
            raise ValueError(f"{name} is {state[name].dtype}, PyTorch has {tensor.dtype}")
    return configuration, model.eval()


def idx(path: pathlib.Path) -> np.ndarray:
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def accuracy(model, folder: pathlib.Path, mean: float, std: float) -> float:
    images = torch.from_numpy(idx(folder / "t10k-images-idx3-ubyte.gz").copy()).float().div(255).sub(mean).div(std)
    labels = torch.from_numpy(idx(folder / "t10k-labels-idx1-ubyte.gz").astype(np.int64))
    with torch.inference_mode():
        right = sum(
            (model(x[:, None]).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500))
        )
    return right / len(labels)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--data", type=pathlib.Path, help="folder of Fashion-MNIST's .gz files")
    parser.add_argument("--expect", type=float, help="test accuracy that soup evaluate gave, as a fraction")
    parser.add_argument("--tolerance", type=float, default=2e-4, help="2 images of 10 000 by default")
    parser.add_argument("--mean", type=float, default=0.2860, help="of the pixels, as in training (default 0.2860)")
    parser.add_argument("--std", type=float, default=0.3530, help="of the pixels, as in training (default 0.3530)")
    options = parser.parse_args()
    failures = 0
    for path in options.checkpoints:
        try:
            configuration, model = load(path)
            line = f"{path}: {configuration['architecture']} loads with strict=True"
            if options.data:
                found = accuracy(model, options.data, options.mean, options.std)
                line += f", test accuracy in PyTorch {found:.4f}"
                if options.expect is not None and abs(found - options.expect) > options.tolerance:
                    raise ValueError(f"test accuracy in PyTorch {found:.4f}, expected {options.expect:.4f}")
            print(line)
        except (ValueError, RuntimeError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            failures += 1
    return 1 if failures else 0


sys.exit(main())
