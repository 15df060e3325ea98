#!/usr/bin/env python3
"""Alignment of two networks: ours (`soup align`) against NumPy's matrix products and SciPy's assignments, taking turns in one run.

    alignment.py SOUP [--quick] [--rounds N] [--threads N]

Two ResNet-50 with independent random weights (the hardest case: nothing fits) are made here; `--quick` takes a narrow one.
The peer is the published algorithm as research code writes it: one group after the other, similarities as products of matrices in
float32, `scipy.optimize.linear_sum_assignment`, until no group changes. Ours is timed as the command reports it (without reading
and writing files) and whole. Needs `pip install numpy scipy safetensors`.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("soup")
parser.add_argument("--quick", action="store_true")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
options = parser.parse_args()
for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(options.threads)

import numpy as np  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402

WIDTH, BLOCKS = (8, [2, 2, 2, 2]) if options.quick else (64, [3, 4, 6, 3])


def shapes():
    """Torchvision's ResNet-50, or a narrow one: tensors, and for each group the axes that it numbers."""
    tensors, groups = {}, {}

    def layer(conv, norm, outputs, inputs, kernel, made, read):
        tensors[conv + ".weight"] = (outputs, inputs, kernel, kernel)
        groups.setdefault(made, []).append((conv + ".weight", 0))
        if read:
            groups.setdefault(read, []).append((conv + ".weight", 1))
        for part in ["weight", "bias", "running_mean", "running_var"]:
            tensors[f"{norm}.{part}"] = (outputs,)
            if not part.startswith("running"):
                groups[made].append((f"{norm}.{part}", 0))

    layer("conv1", "bn1", WIDTH, 3, 7, "stem", None)
    stream, inputs = "stem", WIDTH
    for stage, count in enumerate(BLOCKS):
        width = WIDTH << stage
        for block in range(count):
            name, entering, before = f"layer{stage + 1}.{block}", stream, inputs
            if block == 0:
                stream, inputs = name, 4 * width
                layer(name + ".downsample.0", name + ".downsample.1", inputs, before, 1, stream, entering)
            layer(name + ".conv1", name + ".bn1", width, before, 1, name + "a", entering)
            layer(name + ".conv2", name + ".bn2", width, width, 3, name + "b", name + "a")
            layer(name + ".conv3", name + ".bn3", inputs, width, 1, stream, name + "b")
    tensors["fc.weight"], tensors["fc.bias"] = (100, inputs), (100,)
    groups[stream].append(("fc.weight", 1))
    return tensors, groups


def match(a, b, groups, seed=0):
    """Git Re-Basin's algorithm 1. Returns the sum of products that it ends with."""
    numbering = {}
    for group, axes in groups.items():
        for name, axis in axes:
            numbering.setdefault(name, {})[axis] = group
    size = {group: a[axes[0][0]].shape[axes[0][1]] for group, axes in groups.items()}
    order = {group: np.arange(n) for group, n in size.items()}
    names, random = list(groups), np.random.default_rng(seed)

    def permuted(name, but):
        tensor = b[name]
        for axis, group in numbering[name].items():
            if group != but:
                tensor = np.take(tensor, order[group], axis=axis)
        return tensor

    while True:
        changed = False
        for index in random.permutation(len(names)):
            group = names[index]
            n = size[group]
            sums = np.zeros((n, n))
            for name, axis in groups[group]:
                left = np.moveaxis(a[name], axis, 0).reshape(n, -1)
                right = np.moveaxis(permuted(name, group), axis, 0).reshape(n, -1)
                sums += left @ right.T
            rows, columns = linear_sum_assignment(sums, maximize=True)
            if sums[rows, columns].sum() > sums[np.arange(n), order[group]].sum() + 1e-9 * abs(sums).max():
                order[group], changed = columns, True
        if not changed:
            return float(sum((a[n].astype(np.float64) * permuted(n, None)).sum() for n in numbering))


tensors, groups = shapes()
with tempfile.TemporaryDirectory() as folder:
    paths = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        weights = {name: random.standard_normal(shape, dtype=np.float32) for name, shape in tensors.items()}
        paths.append(f"{folder}/{seed}.safetensors")
        save_file(weights, paths[-1])
    a, b = (load_file(path) for path in paths)
    print(f"{sum(t.size for t in a.values()):,} numbers, {len(groups)} groups, {options.threads} threads")
    ours, whole, peer = [], [], []
    for turn in range(options.rounds):
        start = time.perf_counter()
        command = [options.soup, "align", *paths, "-o", f"{folder}/out.safetensors", "--force", "--json", "--threads", str(options.threads)]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        whole.append(time.perf_counter() - start)
        ours.append(report["seconds"])
        start = time.perf_counter()
        product = match(a, b, groups, seed=turn)
        peer.append(time.perf_counter() - start)
        out = load_file(f"{folder}/out.safetensors")
        numbered = {name for axes in groups.values() for name, _ in axes}
        own = float(sum((a[n].astype(np.float64) * out[n]).sum() for n in numbered))
        print(f"round {turn + 1}: ours {ours[-1]:.2f} s ({whole[-1]:.2f} s with files), {report['sweeps']} passes, "
              f"sum {own:.6g}; NumPy and SciPy {peer[-1]:.2f} s, sum {product:.6g}")
    middle = statistics.median
    print(f"median: ours {middle(ours):.2f} s, NumPy and SciPy {middle(peer):.2f} s: {middle(peer) / middle(ours):.2f} times as fast")
