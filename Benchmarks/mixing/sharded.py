#!/usr/bin/env python3
"""Writes sharded models whose tensors take no room on the disk: sharded.py FOLDER --gigabytes 20 [--shards 10] [--models 1]

Bytes that were never written read as zeros. Names and shapes are those of a LLaMA: with --gigabytes 140, of a 70B one.
"""

import argparse
import json
import pathlib
import struct

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--gigabytes", type=float, default=20)
parser.add_argument("--shards", type=int, default=10)
parser.add_argument("--models", type=int, default=1)
options = parser.parse_args()

hidden, inner, kv, vocabulary = 8192, 28672, 1024, 32000
tensors = [("model.embed_tokens.weight", (vocabulary, hidden))]
layer = 0
while sum(a * b for _, (a, b) in tensors) * 2 < options.gigabytes * 1e9 - 2 * vocabulary * hidden:
    prefix = f"model.layers.{layer}."
    tensors += [(prefix + "self_attn.q_proj.weight", (hidden, hidden)), (prefix + "self_attn.k_proj.weight", (kv, hidden)),
                (prefix + "self_attn.v_proj.weight", (kv, hidden)), (prefix + "self_attn.o_proj.weight", (hidden, hidden)),
                (prefix + "mlp.gate_proj.weight", (inner, hidden)), (prefix + "mlp.up_proj.weight", (inner, hidden)),
                (prefix + "mlp.down_proj.weight", (hidden, inner)), (prefix + "input_layernorm.weight", (hidden, 1)),
                (prefix + "post_attention_layernorm.weight", (hidden, 1))]  # fmt: skip
    layer += 1
tensors += [("model.norm.weight", (hidden, 1)), ("lm_head.weight", (vocabulary, hidden))]
total = sum(a * b for _, (a, b) in tensors) * 2
for model in range(options.models):
    folder = options.folder / f"model{model}"
    folder.mkdir(parents=True, exist_ok=True)
    shards, size = [[]], 0
    for name, shape in tensors:
        if size > total / options.shards and len(shards) < options.shards:
            shards.append([])
            size = 0
        shards[-1].append((name, shape))
        size += shape[0] * shape[1] * 2
    weight_map = {}
    for number, members in enumerate(shards):
        header, position = {"__metadata__": {"format": "pt"}}, 0
        file = f"model-{number + 1:05d}-of-{len(shards):05d}.safetensors"
        for name, (rows, columns) in members:
            shape = [rows] if columns == 1 else [rows, columns]
            end = position + rows * columns * 2
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [position, end]}
            position = end
            weight_map[name] = file
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(folder / file, "wb") as out:
            out.write(struct.pack("<Q", len(text)) + text)
            out.truncate(8 + len(text) + position)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))
print(f"{options.models} models of {len(tensors)} tensors, {total / 1e9:.1f} GB in {len(shards)} shards each")
