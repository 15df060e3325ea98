#!/usr/bin/env python3
"""Writes Tests/Fixtures/data: what NumPy, PyTorch and Python's gzip say that data loading should give.

Run with any Python that has torch and numpy; the files are committed, so the tests need neither.
"""
import gzip
import json
import struct
from pathlib import Path

import numpy as np
import torch

folder = Path(__file__).resolve().parent.parent / "Tests/Fixtures/data"
folder.mkdir(parents=True, exist_ok=True)


def bits(tensor):
    """Float32 values as unsigned integers: JSON keeps them exactly."""
    return tensor.contiguous().view(torch.int32).flatten().to(torch.int64).bitwise_and(0xFFFFFFFF).tolist()


def normalized(mean, std):
    """torchvision's ToTensor, then Normalize, of the 256 bytes in every channel."""
    image = torch.arange(256, dtype=torch.uint8).view(1, 1, 256).expand(len(mean), 1, 256)
    scaled = image.to(torch.float32).div(255)
    mean = torch.as_tensor(mean, dtype=torch.float32).view(-1, 1, 1)
    std = torch.as_tensor(std, dtype=torch.float32).view(-1, 1, 1)
    return bits(scaled.clone().sub_(mean).div_(std))


def mixup(lam):
    """timm's Mixup in batch mode, with its one-hot targets."""
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(5, 2, 3, 2, generator=generator)
    labels = torch.tensor([3, 0, 1, 1, 2])
    flipped = images.flip(0).mul_(1.0 - lam)
    mixed = images.clone().mul_(lam).add_(flipped)
    onehot = torch.nn.functional.one_hot(labels, 4).to(torch.float32)
    targets = onehot * lam + onehot.flip(0) * (1.0 - lam)
    return {
        "lambda": lam,
        "images": bits(images),
        "labels": labels.tolist(),
        "mixed": bits(mixed),
        "targets": bits(targets),
    }


M64 = (1 << 64) - 1


def philox(counter, key):
    """Philox4x32-10 from its paper: four counter words, two key words."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ d ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


class Stream:
    """CounterGenerator, written from its documentation."""

    def __init__(self, key):
        self.key = (key & 0xFFFFFFFF, key >> 32)
        self.position = 0

    def derived(self, n):
        if isinstance(n, str):
            name, n = n.encode(), 0xCBF29CE484222325
            for byte in name:
                n = ((n ^ byte) * 0x100000001B3) & M64
        a, b, _, _ = philox((n & 0xFFFFFFFF, n >> 32, 0xFFFFFFFF, 0xFFFFFFFF), self.key)
        return Stream(a | b << 32)

    def word(self):
        block = philox((self.position >> 2 & 0xFFFFFFFF, self.position >> 34, 0, 0), self.key)
        self.position += 1
        return block[self.position - 1 & 3]

    def next(self):
        return self.word() | self.word() << 32

    def below(self, bound):
        while True:
            product = bound * self.next()
            if product & M64 >= (1 << 64) % bound:
                return product >> 64

    def permutation(self, count):
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


assert philox((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)

image = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3 + 20
reference = {
    "normalized": {
        "fashion-mnist": normalized([0.2860], [0.3530]),
        "cifar10": normalized([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
    },
    "mixup": [mixup(lam) for lam in (0.3, 0.871234, 0.0, 1.0)],
    # Split(count: 1000, heldOutCount: 20, seed: 42), and the order of epoch 3 of 40 images shuffled with seed 2⁶³ + 7.
    "heldOut": sorted(Stream(42).derived("split").permutation(1000)[:20]),
    "order": Stream((1 << 63) + 7).derived("order").derived(3).permutation(40),
    "image": image.flatten().tolist(),
    "padded": {
        "zero": np.pad(image, 2).flatten().tolist(),
        "reflect": np.pad(image, 2, mode="reflect").flatten().tolist(),
    },
}
(folder / "reference.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")

# Seven images of 3 rows and 5 columns, pixels by a formula that the test repeats.
idx = struct.pack(">4B3I", 0, 0, 8, 3, 7, 3, 5) + bytes(i * 37 % 251 for i in range(105))
(folder / "images.idx").write_bytes(idx)
(folder / "images.idx.gz").write_bytes(gzip.compress(idx, mtime=0))
(folder / "two-members.idx.gz").write_bytes(gzip.compress(idx[:40], mtime=0) + gzip.compress(idx[40:], mtime=0))
# Claims seven small images and decodes to 32 MB.
(folder / "bomb.idx.gz").write_bytes(gzip.compress(idx[:16] + bytes(32 << 20), mtime=0))
