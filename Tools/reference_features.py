#!/usr/bin/env python3
"""Writes Tests/Fixtures/evaluation/features.json: nearest neighbours, neighbour entropy and a linear probe by NumPy and PyTorch.

Run with a Python that has torch 2.13:  python Tools/reference_features.py
Formulas of arXiv:2602.02890 written anew; float64 throughout, from inputs rounded so that float32 holds them exactly.
"""

import json
import math
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "evaluation" / "features.json"
random = np.random.default_rng(8)


def table(rows: int, columns: int, labels=None, spread: float = 1.0) -> np.ndarray:
    values = random.standard_normal((rows, columns))
    if labels is not None:
        centres = random.standard_normal((labels.max() + 1, columns))
        values = spread * values + 1.5 * centres[labels]
    return np.round(values * 1024) / 1024


def neighbours() -> dict:
    labels = random.integers(0, 4, 60)
    bank, queries = table(60, 8, labels), table(25, 8)
    cases = []
    for k, temperature in [(1, 0.07), (5, 0.07), (20, 0.07), (60, 0.5)]:
        unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)  # noqa: E731
        similarity = unit(queries) @ unit(bank).T
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        weights = np.exp(np.take_along_axis(similarity, nearest, 1) / temperature)
        votes = np.zeros((len(queries), 4))
        for row in range(len(queries)):
            np.add.at(votes[row], labels[nearest[row]], weights[row])
        shares = votes / votes.sum(axis=1, keepdims=True)
        cases.append({"k": k, "temperature": temperature, "shares": shares.tolist(), "classes": shares.argmax(1).tolist()})
    return {"bank": bank.tolist(), "labels": labels.tolist(), "queries": queries.tolist(), "cases": cases}


def entropy() -> dict:
    features = torch.tensor(table(12, 6), requires_grad=True)
    cases = []
    for k, temperature in [(4, 0.07), (11, 0.5)]:
        features.grad = None
        z = F.normalize(features, dim=1)
        similarity = (z @ z.T).masked_fill(torch.eye(len(z), dtype=torch.bool), -math.inf)
        p = (similarity.topk(k, dim=1).values / temperature).softmax(dim=1)
        value = -(p * p.clamp_min(1e-12).log()).sum(1).mean()
        value.backward()
        cases.append({"k": k, "temperature": temperature, "value": value.item(), "gradient": features.grad.tolist()})
    return {"features": features.tolist(), "cases": cases}


def probe() -> dict:
    train_labels, held_labels = random.integers(0, 3, 60), random.integers(0, 3, 40)
    both = table(100, 6, np.concatenate([train_labels, held_labels]), spread=2.0)
    both = np.round((both * [1, 8, 0.25, 1, 1, 2] + [0, 5, -1, 0, 3, 0]) * 1024) / 1024
    train, held = torch.tensor(both[:60]), torch.tensor(both[60:])
    targets, held_targets = torch.tensor(train_labels), torch.tensor(held_labels)
    mean, scale = train.mean(0), train.std(0) + 1e-5
    epochs, rates, results = 40, [1e-3, 1e-2, 6e-2], []
    warmup = max(1, int(0.1 * epochs))

    def factor(step: int) -> float:
        if step < warmup:
            return 1e-6 + (1 - 1e-6) * step / warmup
        return (1 + math.cos(math.pi * (step - warmup) / (epochs - warmup))) / 2

    for rate in rates:
        linear = torch.nn.Linear(6, 3, dtype=torch.float64)
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
        optimizer = torch.optim.AdamW(linear.parameters(), lr=rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        for _ in range(epochs):  # one batch is all images
            optimizer.zero_grad()
            F.cross_entropy(linear((train - mean) / scale), targets).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            logits = linear((held - mean) / scale)
            results.append({
                "rate": rate, "top1": (logits.argmax(1) == held_targets).double().mean().item(),
                "loss": F.cross_entropy(logits, held_targets).item(),
                "weight": (linear.weight / scale).tolist(),
                "bias": (linear.bias - (linear.weight / scale) @ mean).tolist(), "logits": logits.tolist(),
            })  # fmt: skip
    return {
        "train": train.tolist(), "labels": train_labels.tolist(), "held": held.tolist(), "held_labels": held_labels.tolist(),
        "epochs": epochs, "results": results,
    }  # fmt: skip


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


OUT.write_text(json.dumps(rounded({"neighbours": neighbours(), "entropy": entropy(), "probe": probe()})) + "\n")
