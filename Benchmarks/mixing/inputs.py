#!/usr/bin/env python3
"""Writes a base and fine-tunings of it with the tensors of timm's ViT-B/16, as safetensors.

    inputs.py FOLDER [--count 8] [--dtype float32|bfloat16] [--layers 12]

The numbers are random, of the sizes that weights and fine-tunings have: what a mixer costs depends on nothing else.
"""

import argparse
import json
import pathlib
import struct

import numpy as np


def shapes(layers: int):
    yield "cls_token", (1, 1, 768)
    yield "pos_embed", (1, 197, 768)
    yield "patch_embed.proj.weight", (768, 3, 16, 16)
    yield "patch_embed.proj.bias", (768,)
    for layer in range(layers):
        block = f"blocks.{layer}."
        for norm in ("norm1", "norm2"):
            yield block + norm + ".weight", (768,)
            yield block + norm + ".bias", (768,)
        for name, rows, columns in (
            ("attn.qkv", 2304, 768), ("attn.proj", 768, 768), ("mlp.fc1", 3072, 768), ("mlp.fc2", 768, 3072),
        ):  # fmt: skip
            yield block + name + ".weight", (rows, columns)
            yield block + name + ".bias", (rows,)
    yield "norm.weight", (768,)
    yield "norm.bias", (768,)
    yield "head.weight", (1000, 768)
    yield "head.bias", (1000,)


def stored(values: np.ndarray, dtype: str) -> bytes:
    if dtype == "float32":
        return values.tobytes()
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16).tobytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--layers", type=int, default=12)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    code, size = {"float32": ("F32", 4), "bfloat16": ("BF16", 2)}[options.dtype]
    header, position = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes(options.layers):
        end = position + int(np.prod(shape)) * size
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # A model is the base plus its own noise. The base is drawn anew for every file: nothing is kept in memory.
    for index in range(options.count + 1):
        name = "base" if index == 0 else f"m{index}"
        with open(options.folder / f"{name}.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for number, (_, shape) in enumerate(shapes(options.layers)):
                values = np.random.default_rng([0, number]).standard_normal(shape, dtype=np.float32) * np.float32(0.03)
                if index > 0:
                    noise = np.random.default_rng([index, number]).standard_normal(shape, dtype=np.float32)
                    values += noise * np.float32(0.003)
                file.write(stored(values, options.dtype))


main()
