#!/usr/bin/env python3
"""Writes the numbers of torch.optim.swa_utils that the tests of averages along a run compare with.

    pip install torch numpy && python3 Tools/reference_averages.py
"""
import json
import math
import pathlib

import reference
import torch
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"


def rates(total: int, start: int, anneal: int, swa: float, base: float = 0.1) -> dict:
    """Learning rates by step: a cosine over the run until `start`, SWALR from there on, stepped after every step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    found = []
    for step in range(start):
        found.append(base * (1 + math.cos(math.pi * step / total)) / 2)
    optimizer.param_groups[0]["lr"] = base * (1 + math.cos(math.pi * start / total)) / 2
    scheduler = SWALR(optimizer, swa_lr=swa, anneal_epochs=anneal, anneal_strategy="linear")
    for _ in range(start, total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return dict(total=total, start=start, anneal=anneal, swa=swa, base=base, rates=found)


def averages() -> dict:
    """A weight and a buffer at several moments, their SWA and their EMA (decay 0.9, from the first moment on)."""
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.zeros(5))
    module.register_buffer("mean", torch.zeros(3))
    moments = [[reference.hashed(f"moment.{i}.{n}", [k], 2.0) for n, k in (("weight", 5), ("mean", 3))] for i in range(6)]

    def run(average):
        for moment in moments:
            with torch.no_grad():
                module.weight.copy_(moment[0])
                module.mean.copy_(moment[1])
            average.update_parameters(module)
        return [average.module.weight.tolist(), average.module.mean.tolist()]

    return dict(
        moments=[[v.tolist() for v in m] for m in moments],
        swa=run(AveragedModel(module, use_buffers=True)),
        ema=run(AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)),
    )


def statistics() -> dict:
    """Running statistics by update_bn over three batches, the last one smaller."""
    configuration = reference.resnet("resnet20", channels=1, image=8, classes=3)
    model = reference.fill(reference.build(configuration))
    batches = [reference.batch(configuration, n, f"update.{i}")[0] for i, n in enumerate((16, 16, 5))]
    update_bn(batches, model)
    buffers = [(n, b) for n, b in model.named_buffers() if "running" in n]
    return dict(configuration=configuration, counts=[16, 16, 5], buffers=[reference.summary(n, b) for n, b in buffers])


def write(path: str, value: dict):
    (FIXTURES / path).write_text(json.dumps(value) + "\n")


if __name__ == "__main__":
    cases = [rates(30, 20, 5, 0.05), rates(30, 12, 0, 0.02), rates(16, 4, 20, 0.3)]
    write("training/averages.json", dict(rates=cases, averages=averages()))
    write("models/update-bn.json", statistics())
