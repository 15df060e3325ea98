#!/usr/bin/env python3
"""The other side of run.sh: the same work in eager PyTorch, on the modules of Tools/reference.py.

Answers one JSON object per line, like soup-bench. PyTorch gets what it does best: both memory formats are timed first and
the faster one is kept, optimizers are fused, evaluation runs in inference mode, bfloat16 is autocast.
"""

import contextlib
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Tools"))
import reference  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402


def make_step(request: dict, memory_format):
    c, count = request["model"], request["batch"]
    torch.manual_seed(1)
    model = reference.build(c).to(memory_format=memory_format)
    images = torch.randn(count, c["channels"], c["image"], c["image"]).contiguous(memory_format=memory_format)
    labels = torch.arange(count) % c["classes"]

    def precision():
        bf16 = request["precision"] == "bf16"
        return torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext()

    if request["mode"] == "evaluate":
        model.eval()

        def step():
            with torch.inference_mode(), precision():
                return model(images).float()

        return step

    parameters = [p for p in model.parameters() if p.requires_grad]
    if request["optimizer"] == "adamw":
        optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05, fused=True)
    else:
        optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with precision():
            loss = F.cross_entropy(model(images).float(), labels)
        loss.backward()
        optimizer.step()

    return step


def timed(step, seconds: float):
    start, steps = time.perf_counter(), 0
    while True:
        step()
        steps += 1
        spent = time.perf_counter() - start
        if spent >= seconds:
            return steps, spent


def prepare(request: dict):
    """The step in the faster memory format, and its number of floating-point operations."""
    best = None
    for name, memory_format in [("channels last", torch.channels_last), ("contiguous", torch.contiguous_format)]:
        step = make_step(request, memory_format)
        for _ in range(5):
            step()
        steps, spent = timed(step, 0.5)
        if best is None or spent / steps < best[0]:
            best = (spent / steps, step, name)
    with FlopCounterMode(display=False) as counter:
        best[1]()
    return best[1], {"format": best[2], "operations": counter.get_total_flops() / request["batch"]}


def main():
    if "SOUP_THREADS" in os.environ:
        torch.set_num_threads(int(os.environ["SOUP_THREADS"]))
    ready = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps({k: v for k, v in request.items() if k != "seconds"}, sort_keys=True)
        if key not in ready:
            ready[key] = prepare(request)
        step, facts = ready[key]
        steps, spent = timed(step, request["seconds"])
        print(json.dumps({"images": steps * request["batch"], "seconds": spent, **facts}), flush=True)


main()
