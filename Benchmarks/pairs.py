#!/usr/bin/env python3
"""Soups of pairs per second: ours (`soup landscape pairs`) against PyTorch, taking turns in one run.

    pairs.py SOUP [--architecture NAME] [--images N] [--models N] [--rounds N] [--data FOLDER]

Each soup is the mean of two ResNet-20 of 16 channels, evaluated on the 10,000 test images of Fashion-MNIST. With
`--architecture cifar-resnet50 --images 1000` it is the ResNet-50 for small images of "When is Model Souping Tasty?".

published   what research code does for every soup: torch.load of both files, a mean of the state dicts, load_state_dict,
            eval mode, a DataLoader over the dataset with its transforms (to a float tensor, normalised) at batch 128
resident    the same soups with both state dicts in memory and the test set as one tensor, in PyTorch's faster memory format

Ours is timed twice: seconds per soup as the command reports them, and all of the command's time (start, reading, parents and
soups) over the number of soups. Accuracies of ours and PyTorch's are compared soup by soup.
"""

import argparse
import gzip
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tools"))
import numpy as np  # noqa: E402
import reference  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

MODELS = {
    "resnet20": {"architecture": "resnet20", "classes": 10, "channels": 1, "image": 28, "width": 1},
    "cifar-resnet50": {"architecture": "cifar-resnet50", "classes": 10, "channels": 1, "image": 28, "width": 1},
}
MEAN, DEVIATION = 0.2860, 0.3530


class FashionMNIST(torch.utils.data.Dataset):
    """As torchvision's, with ToTensor and Normalize by image."""

    def __init__(self, folder, count):
        def read(name, skip):
            path = pathlib.Path(folder) / name
            data = path.read_bytes() if path.exists() else gzip.decompress(pathlib.Path(f"{path}.gz").read_bytes())
            return np.frombuffer(data, np.uint8, offset=skip)

        self.images = read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28)[:count]
        self.labels = read("t10k-labels-idx1-ubyte", 8)[:count]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.from_numpy(self.images[index].copy()).unsqueeze(0).to(torch.float32).div(255)
        return image.sub(MEAN).div(DEVIATION), int(self.labels[index])


def mean(a, b):
    return {n: (a[n] + b[n]) / 2 if a[n].is_floating_point() else a[n] for n in a}


class Peer:
    def __init__(self, architecture, paths, folder, count):
        self.model = reference.build(MODELS[architecture]).eval()
        self.paths, self.data = paths, FashionMNIST(folder, count)
        self.states = [torch.load(path, weights_only=True) for path in paths]
        self.images = torch.stack([self.data[i][0] for i in range(len(self.data))])
        self.labels = torch.from_numpy(self.data.labels.astype(np.int64))
        self.format = torch.contiguous_format

    @torch.inference_mode()
    def published(self, a, b):
        self.model.load_state_dict(
            mean(torch.load(self.paths[a], weights_only=True), torch.load(self.paths[b], weights_only=True)))
        self.model.eval()
        right = 0
        for images, labels in torch.utils.data.DataLoader(self.data, batch_size=128):
            right += (self.model(images).argmax(1) == labels).sum().item()
        return right

    @torch.inference_mode()
    def resident(self, a, b, dtype=torch.float32):
        self.model.load_state_dict(mean(self.states[a], self.states[b]))
        model = self.model.to(memory_format=self.format)
        right = 0
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            for images, labels in zip(self.images.split(128), self.labels.split(128)):
                right += (model(images.contiguous(memory_format=self.format)).float().argmax(1) == labels).sum().item()
        return right

    def choose_format(self, dtype):
        times = {}
        for memory_format in (torch.contiguous_format, torch.channels_last):
            self.format = memory_format
            start = time.perf_counter()
            self.resident(0, 1, dtype)
            times[memory_format] = time.perf_counter() - start
        self.format = min(times, key=times.get)


def train(soup, architecture, folder, count, data):
    """Short runs from one start; a large model only some steps, as its speed is not its accuracy's."""
    run = lambda *a: subprocess.run([soup, "train", "--data", data, "--quiet", *a], check=True)  # noqa: E731
    first, later = ["--epochs", "0.3"], ["--epochs", "0.05"]
    if architecture != "resnet20":
        few = ["--batch-size", "32", "--held-out", "0.002", "--steps"]
        first, later = few + ["6"], few + ["2"]
    run("--model", architecture, *first, "--lr", "0.1", "-o", f"{folder}/base.safetensors")
    paths = []
    for seed in range(1, count + 1):
        path = f"{folder}/runs/{seed}.safetensors"
        run("--from", f"{folder}/base.safetensors", *later, "--lr", "0.02", "--seed", str(seed), "-o", path)
        torch.save(load_file(path), f"{folder}/{seed}.pt")
        paths.append(f"{folder}/{seed}.pt")
    return paths


def ours(soup, folder, data, precision, images):
    start = time.perf_counter()
    result = subprocess.run(
        [soup, "landscape", "pairs", f"{folder}/runs", "--data", data, "--precision", precision, "--images", str(images), "--json",
         "--quiet"],
        check=True, stdout=subprocess.PIPE, env=dict(os.environ))
    seconds = time.perf_counter() - start
    report = json.loads(result.stdout)
    right = [round(pair["top1"] * images) for pair in report["pairs"]]
    return report["seconds_per_soup"], seconds / len(right), right


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("soup")
    parser.add_argument("--architecture", choices=MODELS, default="resnet20", help="default resnet20")
    parser.add_argument("--images", type=int, default=10_000, help="test images, the first (default 10000)")
    parser.add_argument("--models", type=int, default=4, help="checkpoints; all their pairs are mixed (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default 3)")
    parser.add_argument("--data", default="data/fashion-mnist", help="folder with the four IDX files")
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    data = f"fashion-mnist:{options.data}"
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/runs")
        paths = train(options.soup, options.architecture, folder, options.models, data)
        peer = Peer(options.architecture, paths, options.data, options.images)
        pairs = list(itertools.combinations(range(options.models), 2))
        turn = pairs[: 3 if len(pairs) > 3 else None]
        rows = {"published fp32": [], "resident fp32": [], "resident bf16": []}
        counts = {name: {} for name in rows}
        mine = {"fp32": [], "bf16": []}
        whole, right = {"fp32": [], "bf16": []}, {}
        formats = {}
        for dtype, name in ((torch.float32, "fp32"), (torch.bfloat16, "bf16")):
            peer.choose_format(dtype)
            formats[name] = peer.format
        for _ in range(options.rounds):
            for precision in mine:
                per_soup, total, right[precision] = ours(options.soup, folder, data, precision, len(peer.labels))
                mine[precision].append(per_soup)
                whole[precision].append(total)
            for name in rows:
                dtype = torch.bfloat16 if name.endswith("bf16") else torch.float32
                peer.format = formats[name[-4:]] if name.startswith("resident") else torch.contiguous_format
                peer.model = peer.model.to(memory_format=peer.format)
                start = time.perf_counter()
                for a, b in turn:
                    counts[name][a, b] = peer.published(a, b) if name.startswith("published") else peer.resident(a, b, dtype)
                rows[name].append((time.perf_counter() - start) / len(turn))
        print(f"{len(pairs)} pairs of {options.architecture}, {len(peer.labels):,} images each, {os.cpu_count()} threads, medians of {options.rounds} turns")
        print(f"{'PyTorch':18}{'s per soup':>12}{'ours fp32':>12}{'ratio':>8}{'ours bf16':>12}{'ratio':>8}")
        a, b = statistics.median(mine["fp32"]), statistics.median(mine["bf16"])
        for name, times in rows.items():
            t = statistics.median(times)
            print(f"{name:18}{t:12.3f}{a:12.3f}{t / a:8.2f}{b:12.3f}{t / b:8.2f}")
        print("with start, reading and the parents' own scores, a soup of ours takes "
              f"{statistics.median(whole['fp32']):.3f} s in fp32, {statistics.median(whole['bf16']):.3f} s in bf16")
        for name, found in counts.items():
            precision = name[-4:]
            differences = [abs(found[p] - right[precision][pairs.index(p)]) for p in turn]
            print(f"{name}: of {len(peer.labels):,} images, {differences} are counted differently by ours in {precision}")


if __name__ == "__main__":
    main()
