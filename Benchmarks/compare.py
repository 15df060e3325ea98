#!/usr/bin/env python3
"""Lets soup-bench and PyTorch take turns on the same work and prints images per second side by side.

    compare.py SOUP_BENCH PEAK [--rounds N] [--seconds S] [--only TEXT] [--json FILE] [--peer-malloc LIBRARY]

Called by run.sh. Both programs stay alive; while one measures, the other waits for its next line. Every case runs
ours, PyTorch, ours, PyTorch, …; medians are compared, and the spread shows how quiet the machine was.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

RESNET = {"architecture": "resnet20", "classes": 10, "channels": 1, "image": 28, "width": 1}
VIT = {
    "architecture": "vit-tiny", "classes": 10, "channels": 1, "image": 28, "patch": 4, "dim": 192, "depth": 6, "heads": 3,
    "mlp": 4.0, "pool": "cls", "position": "learned", "eps": 1e-6,
}  # fmt: skip

# Goals, ours to PyTorch's at the same precision.
CASES = [
    ("ResNet-20 w16", RESNET, "sgd", "train", "fp32", 1.3),
    ("ResNet-20 w16", RESNET, "sgd", "train", "bf16", 1.15),
    ("ResNet-20 w16", RESNET, "sgd", "evaluate", "fp32", 1.2),
    ("ResNet-20 w16", RESNET, "sgd", "evaluate", "bf16", 1.2),
    ("ViT d192 L6 p4", VIT, "adamw", "train", "fp32", 2.0),
    ("ViT d192 L6 p4", VIT, "adamw", "train", "bf16", 1.3),
    ("ViT d192 L6 p4", VIT, "adamw", "evaluate", "fp32", 2.0),
    ("ViT d192 L6 p4", VIT, "adamw", "evaluate", "bf16", 1.3),
]


class Side:
    """A program that answers one JSON line per JSON line."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, request: dict) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} stopped while measuring {request}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("soup_bench")
    parser.add_argument("peak")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side per case (default 5)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one turn (default 1)")
    parser.add_argument("--batch", type=int, default=128, help="images per step (default 128)")
    parser.add_argument("--only", default="", help="run only cases whose line contains this text")
    parser.add_argument("--json", help="also write the numbers to this file")
    parser.add_argument("--peer-malloc", help="library to preload into PyTorch, such as libtcmalloc_minimal.so.4")
    options = parser.parse_args()

    threads = os.environ.get("SOUP_THREADS", str(os.cpu_count()))
    environment = dict(os.environ, SOUP_THREADS=threads)
    peer_environment = dict(environment)
    if options.peer_malloc:
        peer_environment["LD_PRELOAD"] = options.peer_malloc
    ours = Side([options.soup_bench], environment)
    peer = Side([sys.executable, str(HERE / "peer.py")], peer_environment)

    def measure_peak():
        return json.loads(subprocess.check_output([options.peak, threads]))

    peaks = [measure_peak()]
    print(f"batch {options.batch}, {threads} threads, medians of {options.rounds} turns of {options.seconds:g} s each")
    print(f"{'':32}{'ours':>10}{'PyTorch':>10}{'ratio':>8}{'goal':>7}{'of peak':>9}{'':3}images/s, spread")
    rows = []
    for name, model, optimizer, mode, precision, goal in CASES:
        label = f"{name:15} {mode:9}{precision}"
        if options.only.lower() not in label.lower():
            continue
        request = dict(model=model, mode=mode, precision=precision, optimizer=optimizer, batch=options.batch)
        ours.ask(request | {"seconds": 0.1})  # warms up, compiles kernels, chooses the peer's memory format
        peer.ask(request | {"seconds": 0.1})
        ours_rates, peer_rates = [], []
        for _ in range(options.rounds):
            a = ours.ask(request | {"seconds": options.seconds})
            b = peer.ask(request | {"seconds": options.seconds})
            ours_rates.append(a["images"] / a["seconds"])
            peer_rates.append(b["images"] / b["seconds"])
        peaks.append(measure_peak())
        rate, other = statistics.median(ours_rates), statistics.median(peer_rates)
        row = dict(
            model=name, mode=mode, precision=precision, ours=rate, pytorch=other, ratio=rate / other, goal=goal,
            ours_all=ours_rates, pytorch_all=peer_rates, pytorch_format=b["format"], operations=b["operations"],
        )  # fmt: skip
        rows.append(row)
        peak = max(p[precision] or p["fp32"] for p in peaks) * 1e9
        spread = max((max(r) - min(r)) / statistics.median(r) for r in (ours_rates, peer_rates))
        print(
            f"{label:32}{rate:10.0f}{other:10.0f}{rate / other:8.2f}{goal:7.2f}"
            f"{rate * b['operations'] / peak:9.0%}   ±{spread / 2:.0%}, PyTorch {b['format']}",
            flush=True,
        )
    ours.close()
    peer.close()
    peak = {k: max((p[k] for p in peaks if p[k]), default=None) for k in ("fp32", "bf16")}
    bf16 = f"{peak['bf16']:.0f} bf16" if peak["bf16"] else "no bf16 instructions"
    print(f"peak of this machine by an FMA loop: {peak['fp32']:.0f} GFLOP/s fp32, {bf16}")
    print("share of peak: PyTorch's count of operations for the model times our images/s")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"threads": threads, "peak": peak, "rows": rows}, indent=1) + "\n")


main()
