#!/usr/bin/env python3
"""Learned soups by layer: ours against the published procedure written in PyTorch, and the memory of ours.

    learned.py SOUP [--ingredients N] [--model vit|resnet20] [--steps N] [--rounds N]
    learned.py SOUP --memory [--ingredients 64]        # ResNet-50, peak memory of one search, no PyTorch side

The published code (mlfoundations/model-soups, learned soup) keeps all models in memory; its forward pass sums them with one
softmax for each parameter tensor, runs the sum with functional_call, and lets autograd differentiate through everything.
Both sides learn on the same held-out images of Fashion-MNIST, at batch 256, taking turns; seconds per step are compared. The
forward and backward passes are in float32, or with --precision bf16 under autocast on both sides. Ingredients are one base and noise: what is measured does not depend on their values.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tools"))
import reference  # noqa: E402
import torch  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch.func import functional_call  # noqa: E402
from torch.nn import functional as F  # noqa: E402

MODELS = {
    "vit": ("vit-tiny:patch=4,dim=192,depth=6,heads=3", {
        "architecture": "vit-tiny", "classes": 10, "channels": 1, "image": 28, "width": 1, "patch": 4, "dim": 192,
        "depth": 6, "heads": 3, "mlp": 4.0, "pool": "cls", "position": "learned", "eps": 1e-6,
    }),
    "resnet20": ("resnet20", {"architecture": "resnet20", "classes": 10, "channels": 1, "image": 28, "width": 1}),
    "resnet50": ("resnet50", None),
}  # fmt: skip


def make_ingredients(soup: str, model: str, count: int, folder: str, held_out: str = "0.1") -> list[str]:
    base = f"{folder}/base.safetensors"
    subprocess.run(
        [soup, "train", "--model", MODELS[model][0], "--data", "fashion-mnist", "--epochs", "0.001", "--batch-size", "8",
         "--held-out", held_out, "-o", base, "--quiet"], check=True)  # fmt: skip
    with safe_open(base, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    os.makedirs(f"{folder}/runs")
    paths = []
    for index in range(count):
        torch.manual_seed(index)
        moved = {
            n: t * (1 + 0.01 * torch.randn_like(t)) if t.is_floating_point() else t.clone() for n, t in tensors.items()
        }
        paths.append(f"{folder}/runs/{index:02}.safetensors")
        save_file(moved, paths[-1], metadata)
    return paths


class Published:
    """The published procedure, per step."""

    def __init__(self, paths, configuration, precision):
        self.bf16 = precision == "bf16"
        self.model = reference.build(configuration).eval()
        models = []
        for path in paths:
            with safe_open(path, "pt") as file:
                models.append({name: file.get_tensor(name) for name in file.keys()})
        self.names = [name for name, _ in self.model.named_parameters()]
        self.ingredients = [[m[name] for m in models] for name in self.names]
        self.buffers = {
            n: torch.stack([m[n].float() for m in models]).mean(0).to(b.dtype) for n, b in self.model.named_buffers()
        }
        start = torch.softmax(torch.ones(len(self.names), len(paths)), 1)
        self.alpha, self.beta = torch.nn.Parameter(start), torch.nn.Parameter(torch.tensor(1.0))
        self.optimizer = torch.optim.AdamW([self.alpha, self.beta], lr=0.05, weight_decay=0)

    def step(self, images, labels):
        alpha = torch.softmax(self.alpha, 1)
        mixed = {
            name: sum(p * a for p, a in zip(tensors, alpha[index]))
            for index, (name, tensors) in enumerate(zip(self.names, self.ingredients))
        }
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            logits = functional_call(self.model, {**mixed, **self.buffers}, (images,))
        loss = F.cross_entropy(self.beta * logits.float(), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def ours(soup, folder, arguments, method="layerwise", seconds="secondsPerStep"):
    """Seconds per step of `soup season METHOD`, which its JSON calls `seconds`, and peak resident memory in MB."""
    output = f"{folder}/soup.safetensors"
    command = [soup, "season", method, f"{folder}/runs", "-o", output, "--force", "--restart", "--json", "--quiet",
               "--data", "fashion-mnist", *arguments]  # fmt: skip
    result = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = result.stdout.read()
    _, status, usage = os.wait4(result.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return json.loads(text)[seconds], usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("soup")
    parser.add_argument("--ingredients", type=int)
    parser.add_argument("--model", choices=MODELS, default="vit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="steps of PyTorch per round (default 3)")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of forward and backward, on both sides")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.memory:
            count = options.ingredients or 64
            make_ingredients(options.soup, "resnet50", count, folder, held_out="0.02")
            seconds, peak = ours(options.soup, folder, ["--epochs", "1"])
            print(f"learned by layer, {count} ResNet-50: peak {peak:.0f} MB, {seconds:.2f} s per step of 256 images of 28x28")
            return
        count = options.ingredients or 72
        paths = make_ingredients(options.soup, options.model, count, folder)
        peer = Published(paths, MODELS[options.model][1], options.precision)
        images, labels = torch.randn(256, 1, 28, 28), torch.arange(256) % 10
        peer.step(images, labels)
        mine, theirs = [], []
        for _ in range(options.rounds):
            mine.append(ours(options.soup, folder, ["--epochs", "1", "--precision", options.precision])[0])
            start = time.perf_counter()
            for _ in range(options.steps):
                peer.step(images, labels)
            theirs.append((time.perf_counter() - start) / options.steps)
        a, b = statistics.median(mine), statistics.median(theirs)
        print(f"learned by layer, {count} × {options.model}, {options.precision}: ours {a:.3f} s per step, published procedure {b:.3f} s: "
              f"{b / a:.2f} times (goal 3)")  # fmt: skip


if __name__ == "__main__":
    main()
