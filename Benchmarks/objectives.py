#!/usr/bin/env python3
"""Training steps of every self-supervised objective: `soup train` against the same step in eager PyTorch.

    Benchmarks/objectives.sh [--quick] [--only TEXT] [--rounds N] [--steps N] [--json FILE]

A ViT of width 192, 6 blocks, patch 4 at 28x28, batch 128; images per second (a step counts its 128 images once, however many
views are made of them). Ours is the real command, by its own log: loading, two or more flipped views, the step, AdamW. PyTorch
runs the step alone, on modules of Tools/reference_joint.py and Tools/reference_mae.py, with views that are ready in memory, fused
AdamW and autocast. The two take turns; medians are compared.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = "vit:dim=192,depth=6,heads=3,patch=4"
VIT = {
    "architecture": "vit", "classes": 10, "channels": 1, "image": 28, "patch": 4, "dim": 192, "depth": 6, "heads": 3,
    "mlp": 4.0, "pool": "cls", "position": "learned", "eps": 1e-6,
}  # fmt: skip

# Name, options of soup train, and what the peer builds.
CASES = [
    ("MAE", "--objective mae --decoder-depth 2 --decoder-width 128 --decoder-heads 4",
     dict(kind="mae", depth=2, width=128, heads=4)),
    ("MoCo v3 light", "--objective mocov3 --variant light", dict(kind="mocov3-light", hidden=768)),
    ("MoCo v3", "--objective mocov3 --projector 1024,1024,256 --predictor 1024,256",
     dict(kind="mocov3", projector=[1024, 1024, 256], predictor=[1024, 256])),
    ("MMCR light", "--objective mmcr --variant light --local-weight 1", dict(kind="mmcr-light", hidden=768, local=1.0)),
    ("MMCR", "--objective mmcr --projector 1024,128", dict(kind="mmcr", projector=[1024, 128])),
    ("LeJEPA", "--objective lejepa --projector 512,512,64 --slices 1024 --global-views 2 --local-views 2",
     dict(kind="lejepa", projector=[512, 512, 64])),
]  # fmt: skip
GOALS = {"fp32": 1.8, "bf16": 1.3}


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def peer_step(request):
    import reference
    import reference_joint as joint
    import reference_mae
    import torch

    torch.manual_seed(1)
    s, kind = request["settings"], request["settings"]["kind"]
    if kind == "mae":
        model = reference_mae.MAE(VIT, s["width"], s["depth"], s["heads"])
        head, views = torch.nn.Module(), 1

        def loss(images):
            return model.loss(images[0], torch.rand(len(images[0]), 49))[0]

    else:
        model = reference.build(VIT)
        objective = {
            "mocov3": lambda: joint.MoCoV3(model, 192, True, s["projector"], s["predictor"]),
            "mocov3-light": lambda: joint.MoCoV3Light(model, 192, s["hidden"]),
            "mmcr": lambda: joint.MMCR(model, 192, s["projector"]),
            "mmcr-light": lambda: joint.MMCRLight(model, 192, s["hidden"], s["local"]),
            "lejepa": lambda: joint.LeJEPA(model, 192, s["projector"], 2, 2),
        }[kind]()
        objective.start()
        head, views = objective.head, objective.views

        def loss(images):
            return objective.loss(images, 0.5, 1.0)

    batch = request["batch"]
    images = [torch.randn(batch, 1, 28, 28) for _ in range(views)]
    optimizer = torch.optim.AdamW(
        [p for p in list(model.parameters()) + list(head.parameters()) if p.requires_grad], lr=1e-3, weight_decay=0.05,
        fused=True,
    )  # fmt: skip
    bf16 = request["precision"] == "bf16"

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            value = loss(images)
        value.backward()
        optimizer.step()

    return step


def peer():
    sys.path.insert(0, str(ROOT / "Tools"))
    import torch

    torch.set_num_threads(int(os.environ["SOUP_THREADS"]))
    ready = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = line
        if key not in ready:
            ready = {key: peer_step(request)}  # one at a time, so that memory stays small
            for _ in range(2):
                ready[key]()
        start = time.perf_counter()
        for _ in range(request["steps"]):
            ready[key]()
        print(json.dumps({"rate": request["steps"] * request["batch"] / (time.perf_counter() - start)}), flush=True)


# --- Ours -------------------------------------------------------------------------------------------------------------


def synthetic_images(folder: pathlib.Path, count: int):
    """Fashion-MNIST's files with random pixels."""
    for part, n in [("train", count), ("t10k", 16)]:
        pixels, labels = os.urandom(n * 784), bytes(i % 10 for i in range(n))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, n, 28, 28) + pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, n) + labels)


def our_rate(soup, folder, options, precision, batch, steps, threads):
    """Images per second between two lines of the log, so that starting up does not count."""
    output = folder / "model.safetensors"
    log = folder / "model.jsonl"
    command = [
        soup, "train", "--data", f"idx:{folder}", "--model", MODEL, "--optimizer", "adamw", "--lr", "1e-3", "--augment", "flip",
        "--batch-size", str(batch), "--steps", str(20 + steps), "--held-out", "0", "--precision", precision,
        "--threads", str(threads), "--seed", "1", "--restart", "--save-every", "100000", "-o", str(output), "--log", str(log),
        *options.split(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rows = [r for r in rows if r.get("event") == "train"]
    seconds = [r["step"] * batch / r["images_per_second"] for r in rows]
    return (rows[-1]["step"] - rows[0]["step"]) * batch / (seconds[-1] - seconds[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--soup", default=str(ROOT / ".build/release/soup"), help="the program to measure")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side per case (default 3)")
    parser.add_argument("--steps", type=int, default=20, help="steps of one turn, in twenties (default 20)")
    parser.add_argument("--batch", type=int, default=128, help="images per step (default 128)")
    parser.add_argument("--only", default="", help="run only cases whose line contains this text")
    parser.add_argument("--quick", action="store_true", help="one turn of batches of 16")
    parser.add_argument("--json", help="also write the numbers to this file")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer()
    if options.quick:
        options.rounds, options.batch = 1, 16
    steps = max(20, math.ceil(options.steps / 20) * 20)
    threads = os.environ.get("SOUP_THREADS", str(os.cpu_count()))
    process = subprocess.Popen(
        [sys.executable, __file__, "--peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=dict(os.environ, SOUP_THREADS=threads),
    )  # fmt: skip
    print(f"ViT d192 L6 p4 28x28, batch {options.batch}, {threads} threads, medians of {options.rounds} turns of {steps} steps")
    print(f"{'':24}{'ours':>10}{'PyTorch':>10}{'ratio':>8}{'goal':>7}   images/s, spread")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        synthetic_images(folder, 40 * options.batch)
        for title, arguments, settings in CASES:
            for precision, goal in GOALS.items():
                label = f"{title:16}{precision}"
                if options.only.lower() not in label.lower():
                    continue
                ours, other = [], []
                request = dict(settings=settings, precision=precision, batch=options.batch, steps=steps)
                for _ in range(options.rounds):
                    ours.append(our_rate(options.soup, folder, arguments, precision, options.batch, steps, threads))
                    process.stdin.write(json.dumps(request) + "\n")
                    process.stdin.flush()
                    answer = process.stdout.readline()
                    if not answer:
                        sys.exit(f"PyTorch stopped while measuring {label}")
                    other.append(json.loads(answer)["rate"])
                a, b = statistics.median(ours), statistics.median(other)
                spread = max((max(r) - min(r)) / statistics.median(r) for r in (ours, other)) / 2
                print(f"{label:24}{a:10.0f}{b:10.0f}{a / b:8.2f}{goal:7.2f}   ±{spread:.0%}", flush=True)
                rows.append(dict(objective=title, precision=precision, ours=a, pytorch=b, ratio=a / b, goal=goal))
    process.stdin.close()
    process.wait()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"threads": threads, "batch": options.batch, "rows": rows}, indent=1) + "\n")


main()
