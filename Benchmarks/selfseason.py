#!/usr/bin/env python3
"""Self-seasoning: ours against the published procedure in PyTorch, and the memory of both.

    selfseason.py SOUP [--ingredients N] [--model vit|resnet20] [--steps N] [--rounds N] [--threads N] [--quick]
    selfseason.py SOUP --memory            # peak memory of one search of 4, 16 and 64 ingredients, no PyTorch side

The published procedure (arXiv:2602.02890) keeps all encoders in memory, sums them with a softmax, runs the sum with
functional_call on a batch of 256 images, and lets autograd differentiate the entropy between nearest neighbours through
everything. Both sides see Fashion-MNIST-sized images at batch 256 on the same number of threads, taking turns; seconds per
step are compared. Ingredients are one base and noise: what is measured does not depend on their values.
"""

import argparse
import math
import os
import pathlib
import resource
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import learned  # noqa: E402
import torch  # noqa: E402
from safetensors import safe_open  # noqa: E402
from torch.func import functional_call  # noqa: E402
from torch.nn import functional as F  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tools"))
import reference  # noqa: E402

HEADS = ("head", "fc", "linear")


class Published:
    """The published procedure, per step."""

    def __init__(self, paths, configuration, precision):
        self.bf16 = precision == "bf16"
        self.model = reference.build(configuration).eval()
        for name in HEADS:
            if hasattr(self.model, name):
                setattr(self.model, name, torch.nn.Identity())
        models = []
        for path in paths:
            with safe_open(path, "pt") as file:
                models.append({name: file.get_tensor(name) for name in file.keys()})
        self.tensors = {
            name: torch.stack([m[name].float() for m in models])
            for name, tensor in self.model.state_dict().items() if tensor.is_floating_point()
        }  # fmt: skip
        self.logits = torch.nn.Parameter(torch.zeros(len(paths)))
        self.optimizer = torch.optim.Adam([self.logits], lr=0.1)

    def step(self, images, k=16, temperature=0.07):
        weights = torch.softmax(self.logits, 0)
        mixed = {
            # PyTorch has no derivative with respect to running statistics (ours has).
            name: torch.einsum("m,m...->...", weights.detach() if "running" in name else weights, stack)
            for name, stack in self.tensors.items()
        }
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            features = functional_call(self.model, mixed, (images,))
        z = F.normalize(features.float(), dim=1)
        similarity = (z @ z.T).masked_fill(torch.eye(len(z), dtype=torch.bool), -math.inf)
        p = (similarity.topk(k, dim=1).values / temperature).softmax(1)
        loss = -(p * p.clamp_min(1e-12).log()).sum(1).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def ours(soup, folder, arguments):
    return learned.ours(soup, folder, arguments, "self", "seconds_per_step")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("soup")
    parser.add_argument("--ingredients", type=int, nargs="+", default=[6, 72])
    parser.add_argument("--model", choices=["vit", "resnet20"], default="vit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="steps of ours per round; PyTorch makes a quarter (default 20)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of forward and backward, on both sides")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a round of few steps, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.steps, options.ingredients = 1, 4, options.ingredients[:1]
    torch.set_num_threads(options.threads)
    common = ["--split", "test", "--threads", str(options.threads)]
    if options.memory:
        for count in [4, 16, 64]:
            with tempfile.TemporaryDirectory() as folder:
                learned.make_ingredients(options.soup, options.model, count, folder)
                seconds, peak = ours(options.soup, folder, [*common, "--steps", "4"])
                print(f"self-seasoning, {count} × {options.model}: peak {peak:.0f} MB, {seconds:.3f} s per step")
        return
    for count in options.ingredients:
        with tempfile.TemporaryDirectory() as folder:
            paths = learned.make_ingredients(options.soup, options.model, count, folder)
            peer = Published(paths, learned.MODELS[options.model][1], options.precision)
            images = torch.randn(256, 1, 28, 28)
            peer.step(images)
            mine, theirs, peaks = [], [], []
            for _ in range(options.rounds):
                seconds, peak = ours(
                    options.soup, folder, [*common, "--steps", str(options.steps), "--precision", options.precision])
                mine.append(seconds)
                peaks.append(peak)
                steps = max(1, options.steps // 4)
                start = time.perf_counter()
                for _ in range(steps):
                    peer.step(images)
                theirs.append((time.perf_counter() - start) / steps)
            a, b = statistics.median(mine), statistics.median(theirs)
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"self-seasoning, {count} × {options.model}, {options.precision}, {options.threads} threads: ours {a:.4f} s per "
                  f"step ({max(peaks):.0f} MB), published procedure {b:.4f} s ({memory:.0f} MB): {b / a:.2f} times (goal 3)")  # fmt: skip
            del peer


if __name__ == "__main__":
    main()
