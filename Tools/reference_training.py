#!/usr/bin/env python3
"""Writes the numbers that the tests of evaluation and training compare with.

They come from PyTorch, numpy and TensorBoard, never from this project:
    pip install torch numpy tensorboard && python3 Tools/reference_training.py
"""
import io
import json
import pathlib

import numpy as np
import torch
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"


def calibration_error(confidence, right, bins):
    n = len(confidence)
    return sum(len(b) / n * abs(right[b].mean() - confidence[b].mean()) for b in bins if len(b))


def metrics():
    """Scores of 64 random predictions over 7 classes; logits are multiples of 1/64, exact in any float."""
    generator = np.random.default_rng(5)
    logits = np.round(generator.normal(0, 2, (64, 7)) * 64) / 64
    labels = np.where(generator.random(64) < 0.6, logits.argmax(1), generator.integers(0, 7, 64))
    x, y = torch.tensor(logits), torch.tensor(labels)
    confidence, predicted = (v.numpy() for v in x.softmax(1).max(1))
    right = (predicted == labels).astype(float)
    order = np.argsort(confidence, kind="stable")
    width = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    top5 = (x.topk(5, dim=1).indices == y[:, None]).any(1).double().mean().item()
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "top1": right.mean(),
        "top5": top5,
        "loss": torch.nn.functional.cross_entropy(x, y).item(),
        "ece_equal_mass": calibration_error(confidence, right, np.array_split(order, 15)),
        "ece_equal_width": calibration_error(confidence, right, [np.flatnonzero(width == b) for b in range(15)]),
        "per_class": [right[labels == c].mean() for c in range(7)],
    }


def events():
    """An event file as TensorBoard itself writes it."""
    stream = io.BytesIO()
    stream.close = lambda: None
    writer = RecordWriter(stream)
    values = [
        Event(wall_time=1700000000.25, step=0, file_version="brain.Event:2"),
        Event(wall_time=1700000001.5, step=1, summary=Summary(value=[
            Summary.Value(tag="train/loss", simple_value=2.302585),
            Summary.Value(tag="train/learning_rate", simple_value=0.1)])),
        Event(wall_time=1700000002.5, step=123456789, summary=Summary(value=[
            Summary.Value(tag="held-out/top1", simple_value=0.875)])),
    ]
    for value in values:
        writer.write(value.SerializeToString())
    return stream.getvalue().hex()


def losses():
    """Cross-entropy with label smoothing, with and without mixed targets, as PyTorch computes it."""
    generator = np.random.default_rng(6)
    logits = np.round(generator.normal(0, 2, (6, 5)) * 64) / 64
    labels = generator.integers(0, 5, 6)
    x, y = torch.tensor(logits), torch.tensor(labels)
    one_hot = torch.nn.functional.one_hot(y, 5).double()
    mixed = 0.75 * one_hot + 0.25 * one_hot.flip(0)
    loss = torch.nn.functional.cross_entropy
    return {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "plain": loss(x, y).item(),
        "smoothed_0.1": loss(x, y, label_smoothing=0.1).item(),
        "mixed_0.75": loss(x, mixed).item(),
        "mixed_0.75_smoothed_0.1": loss(x, mixed, label_smoothing=0.1).item(),
    }


def write(path, value):
    target = FIXTURES / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(value if isinstance(value, str) else json.dumps(value))


if __name__ == "__main__":
    write("evaluation/metrics.json", metrics())
    write("training/events.hex", events())
    write("training/losses.json", losses())
