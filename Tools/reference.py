#!/usr/bin/env python3
"""Plain-PyTorch definitions of the architectures of SoupModels, and the numbers its tests compare with.

    python Tools/reference.py write [CASE …]   # regenerate Tests/Fixtures/models (needs torch, numpy, safetensors)
    python Tools/reference.py spread           # how far PyTorch is from itself: the stored numbers, this machine, float64

The modules below use nothing but torch.nn and carry the parameter names of the field: akamaster's CIFAR ResNets,
weiaicunzai's CIFAR ResNets, torchvision's ResNets and timm's ViT (checked against torchvision 0.29 and timm 1.0: same names, same bits). They share no code with the Swift side, so that
agreement means something. Weights and images are not stored: both sides compute them from the tensor's name by the
integer hash in `hashed`, bit for bit alike; only PyTorch's answers are stored.
"""

import contextlib
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "models"


# --- Deterministic values -------------------------------------------------------------------------------------------


def fnv1a(text: str) -> int:
    """FNV-1a, 64 bits, of the UTF-8 bytes."""
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def bits(name: str, count: int) -> np.ndarray:
    """splitmix64(fnv1a(name) + i * golden ratio), i = 1…count."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def hashed(name: str, shape, scale: float, centre: float = 0.0) -> torch.Tensor:
    """Float32 values `centre + u * scale`, u uniform on the 2^24 multiples of 2^-23 in [-1, 1)."""
    u = (bits(name, math.prod(shape)) >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0
    return torch.from_numpy((centre + u * scale).astype(np.float32)).reshape(tuple(shape))


# The norms that end a residual branch are small, as in trained networks. With all norms at 1 a ResNet-50 in training mode
# multiplies rounding errors by 500, and PyTorch differs from itself (1 thread, 2 threads) by more than 1e-5.
BRANCH_NORMS = ("bn2.weight", "bn3.weight", "residual_function.4.weight", "residual_function.7.weight")


def parameter_value(name: str, shape) -> torch.Tensor:
    """The value every parameter and buffer gets, by its last name and its shape."""
    last = name.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    if last == "running_mean":
        return hashed(name, shape, 0.1)
    if last == "running_var":
        return hashed(name, shape, 0.5, 1.0)
    if last in ("cls_token", "pos_embed"):
        return hashed(name, shape, 0.5)
    if name.endswith(BRANCH_NORMS):
        return hashed(name, shape, 0.125, 0.25)
    if len(shape) == 1:
        return hashed(name, shape, 0.25, 1.0) if last == "weight" else hashed(name, shape, 0.1)
    fan_in = math.prod(shape[1:])
    return hashed(name, shape, math.sqrt((6.0 if len(shape) == 4 else 3.0) / fan_in))


def fill(model: nn.Module) -> nn.Module:
    state = {}
    for name, value in model.state_dict().items():
        fixed = name == "pos_embed" and not model.pos_embed.requires_grad
        state[name] = value if fixed else parameter_value(name, list(value.shape))
    model.load_state_dict(state, strict=True)
    return model


def batch(configuration: dict, count: int, name: str = "images"):
    shape = [count, configuration["channels"], configuration["image"], configuration["image"]]
    images = hashed(name, shape, 1.75)
    labels = torch.from_numpy((bits(name + ".labels", count) >> np.uint64(33)).astype(np.int64))
    return images, labels % configuration["classes"]


# --- CIFAR ResNet of He et al. (2015), section 4.2; names of akamaster/pytorch_resnet_cifar10 -------------------------


class HeBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.extra = stride, outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1 or self.extra:  # option A: every second pixel, new channels zero on both sides
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra // 2, self.extra // 2))
        return F.relu(y + x)


class HeResNet(nn.Module):
    def __init__(self, depth, width, channels, classes):
        super().__init__()
        blocks, w = (depth - 2) // 6, 16 * width
        self.conv1 = nn.Conv2d(channels, w, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(w)

        def stage(inputs, outputs, stride):
            return nn.Sequential(
                *[HeBlock(inputs if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(blocks)]
            )

        self.layer1, self.layer2, self.layer3 = stage(w, w, 1), stage(w, 2 * w, 2), stage(2 * w, 4 * w, 2)
        self.linear = nn.Linear(4 * w, classes)

    def features(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))

    def forward(self, x):
        return self.linear(self.features(x))


# --- CIFAR ResNet-18/34/50; names of weiaicunzai/pytorch-cifar100 -----------------------------------------------------


class WaiBlock(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * (4 if bottleneck else 1)
        if bottleneck:
            self.residual_function = nn.Sequential(
                nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip
        else:
            self.residual_function = nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
            )  # fmt: skip
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return F.relu(self.residual_function(x) + self.shortcut(x))


class CifarResNet(nn.Module):
    def __init__(self, blocks, bottleneck, channels, classes):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(channels, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        inputs = 64
        for index, count in enumerate(blocks):
            width, layers = 64 * 2**index, []
            for b in range(count):
                layers.append(WaiBlock(inputs, width, 2 if b == 0 and index > 0 else 1, bottleneck))
                inputs = width * (4 if bottleneck else 1)
            setattr(self, f"conv{index + 2}_x", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def features(self, x):
        x = self.conv5_x(self.conv4_x(self.conv3_x(self.conv2_x(self.conv1(x)))))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, x):
        return self.fc(self.features(x))


# --- ImageNet ResNet-18/34/50; names of torchvision -------------------------------------------------------------------


class VisionBlock(nn.Module):
    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        self.bottleneck = bottleneck
        outputs = width * (4 if bottleneck else 1)
        if bottleneck:
            self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(outputs)
        else:
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(F.relu(y)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class VisionResNet(nn.Module):
    def __init__(self, blocks, bottleneck, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for index, count in enumerate(blocks):
            width, layers = 64 * 2**index, []
            for b in range(count):
                layers.append(VisionBlock(inputs, width, 2 if b == 0 and index > 0 else 1, bottleneck))
                inputs = width * (4 if bottleneck else 1)
            setattr(self, f"layer{index + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return F.adaptive_avg_pool2d(x, 1).flatten(1)

    def forward(self, x):
        return self.fc(self.features(x))


# --- ViT; names of timm ---------------------------------------------------------------------------------------------


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        n, l, d = x.shape
        q, k, v = self.qkv(x).reshape(n, l, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, l, d))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads, ratio, eps):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, int(dim * ratio))

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, patch, channels, dim):
        super().__init__()
        self.proj = nn.Conv2d(channels, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


def sincos_position(dim: int, grid: int) -> torch.Tensor:
    """MAE's fixed 2-D table [1, 1 + grid², dim]: column half first, a zero row for CLS (He et al., 2021)."""
    omega = 10000.0 ** (-torch.arange(dim // 4, dtype=torch.float64) / (dim // 4))
    angle = torch.arange(grid, dtype=torch.float64)[:, None] * omega
    line = torch.cat([angle.sin(), angle.cos()], 1)  # [grid, dim/2]
    columns = line[None].expand(grid, grid, dim // 2)
    rows = line[:, None].expand(grid, grid, dim // 2)
    table = torch.cat([columns, rows], 2).reshape(grid * grid, dim)
    return torch.cat([torch.zeros(1, dim, dtype=torch.float64), table])[None].float()


class ViT(nn.Module):
    def __init__(self, c: dict):
        super().__init__()
        dim, grid = c["dim"], c["image"] // c["patch"]
        self.pool = c["pool"]
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid * grid, dim))
        if c["position"] == "sincos":
            self.pos_embed = nn.Parameter(sincos_position(dim, grid), requires_grad=False)
        self.patch_embed = PatchEmbed(c["patch"], c["channels"], dim)
        self.blocks = nn.Sequential(*[Block(dim, c["heads"], c["mlp"], c["eps"]) for _ in range(c["depth"])])
        self.norm = nn.LayerNorm(dim, eps=c["eps"]) if self.pool == "cls" else nn.Identity()
        self.fc_norm = nn.LayerNorm(dim, eps=c["eps"]) if self.pool == "mean" else nn.Identity()
        self.head = nn.Linear(dim, c["classes"])

    def features(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        x = self.norm(self.blocks(x))
        return x[:, 0] if self.pool == "cls" else self.fc_norm(x[:, 1:].mean(1))

    def forward(self, x):
        return self.head(self.features(x))


def build(c: dict) -> nn.Module:
    """The module of a configuration as SoupModels writes it into a checkpoint ("soup.model")."""
    name = c["architecture"]
    basic = {"18": [2, 2, 2, 2], "34": [3, 4, 6, 3], "50": [3, 4, 6, 3]}
    if name.startswith("vit"):
        return ViT(c)
    if name.startswith("cifar-resnet"):
        depth = name[len("cifar-resnet") :]
        return CifarResNet(basic[depth], depth == "50", c["channels"], c["classes"])
    depth = name[len("resnet") :]
    if depth in basic:
        return VisionResNet(basic[depth], depth == "50", c["channels"], c["classes"])
    return HeResNet(int(depth), c["width"], c["channels"], c["classes"])


# --- Cases ----------------------------------------------------------------------------------------------------------


def resnet(name, classes=10, channels=3, image=32, width=1):
    return dict(architecture=name, classes=classes, channels=channels, image=image, width=width)


def vit(name, dim, heads, depth=12, patch=16, image=224, channels=3, classes=1000, **other):
    base = dict(mlp=4.0, pool="cls", position="learned", eps=1e-6)
    return dict(
        architecture=name, classes=classes, channels=channels, image=image, patch=patch, dim=dim, depth=depth,
        heads=heads, **(base | other),
    )  # fmt: skip


def small_vit(**other):
    return vit("vit-tiny", 192, 3, depth=6, patch=4, image=28, channels=1, classes=10) | other


CASES = {
    "resnet20": resnet("resnet20"),
    "resnet20-w2": resnet("resnet20", channels=1, image=28, width=2),
    "resnet32": resnet("resnet32"),
    "resnet56": resnet("resnet56", classes=100),
    "cifar-resnet18": resnet("cifar-resnet18"),
    "cifar-resnet34": resnet("cifar-resnet34", classes=100),
    "cifar-resnet50": resnet("cifar-resnet50", classes=100),
    "resnet18": resnet("resnet18", classes=100, image=64),
    "resnet34": resnet("resnet34", classes=10, image=64),
    "resnet50": resnet("resnet50", classes=1000, image=96),
    "vit-tiny": vit("vit-tiny", 192, 3, image=64, classes=100),
    "vit-small-d2": vit("vit-small", 384, 6, depth=2, image=224),
    "vit-base-d1": vit("vit-base", 768, 12, depth=1, patch=8, image=32, classes=10, eps=1e-5),
    "vit-d192-l6-p4": small_vit(),
    "vit-mean-sincos": small_vit(depth=2, channels=3, image=32, pool="mean", position="sincos"),
}


# Backward passes run on smaller images: fewer pre-activations, so that images without one at a kink exist (see `steady`).
TRAINING_SIZE = {"resnet": 12, "cifar": 16, "imagenet": 64, "vit": None}


def training_configuration(c: dict) -> dict:
    name = c["architecture"]
    kind = "vit" if name.startswith("vit") else "cifar" if name.startswith("cifar") else "resnet"
    if name in ("resnet18", "resnet34", "resnet50"):
        kind = "imagenet"
    return c | {"image": TRAINING_SIZE[kind] or c["image"]}


def summary(name: str, value: torch.Tensor) -> dict:
    """A tensor as two numbers: its Euclidean norm, and its product with a hashed direction (which sees the order)."""
    value = value.detach().double()
    direction = hashed("probe." + name, list(value.shape), 1.0).double()
    return {"name": name, "norm": value.norm().item(), "probe": (value * direction).sum().item()}


def tensors_of(c: dict, dtype, tremble: float):
    """A filled model; `tremble` moves every weight by a relative amount of that size."""
    model = fill(build(c))
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.mul_(1 + hashed("tremble." + name, list(p.shape), tremble))
    return model.to(dtype)


def evaluate(c: dict, dtype=torch.float32) -> dict:
    model = tensors_of(c, dtype, 0.0).eval()
    images, _ = batch(c, 2)
    with torch.no_grad():
        features, logits = model.features(images.to(dtype)), model(images.to(dtype))
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "names": list(model.state_dict()),
        "features": summary("features", features),
        "logits": logits.flatten().tolist(),
    }


def train(c: dict, images_name: str, dtype=torch.float32, tremble=0.0, count=4) -> dict:
    """One forward and backward pass in training mode."""
    model = tensors_of(c, dtype, tremble).train()
    images, labels = batch(c, count, images_name)
    logits = model(images.to(dtype))
    loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
    loss.backward()
    return {
        "configuration": c,
        "images": images_name,
        "count": count,
        "logits": logits.detach().flatten().tolist(),
        "loss": loss.item(),
        "gradients": [summary(n, p.grad) for n, p in model.named_parameters() if p.grad is not None],
        "buffers": [summary(n, b) for n, b in model.named_buffers() if b.is_floating_point()],
    }


def steady(run, choices=1):
    """The images for which the answer is one answer.

    A ReLU's derivative jumps at 0, so a pre-activation within rounding of 0 makes two correct float32 programs differ
    by 1e-3 in a gradient; so does the sign of an AdamW step where a gradient is within rounding of 0. So
    `run(name, dtype, tremble)` is tried on image sets until float64 and weights moved by ±2e-7 give the same result; on
    those images any correct program must agree. Of the first `choices` such sets the one is taken whose pre-activations
    stay farthest from 0.
    """
    found = []
    for attempt in range(40):
        name = f"training{attempt}."
        result = run(name, torch.float32, 0.0)
        with nearest_kink() as distance:
            exact = run(name, torch.float64, 0.0)
        others = [exact] + [run(name, torch.float32, tremble) for tremble in (2e-7, -2e-7)]
        if all(difference(result, other) < 1e-5 for other in others):
            found.append((min(distance, default=1.0), result))
            if len(found) == choices:
                break
    if not found:
        raise SystemExit("no steady images found")
    return max(found, key=lambda pair: pair[0])[1]


@contextlib.contextmanager
def nearest_kink():
    """Collects, for every ReLU, the smallest pre-activation relative to their deviation."""
    plain, distance = F.relu, []

    def relu(x, *more, **named):
        distance.append((x.detach().abs().min() / x.detach().std()).item())
        return plain(x, *more, **named)

    F.relu = relu
    try:
        yield distance
    finally:
        F.relu = plain


def gap(a, b) -> float:
    a, b = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    return ((a - b).abs().max() / b.abs().max()).item()


def difference(a: dict, b: dict) -> float:
    """The largest relative difference between two results, over logits, losses and every tensor's norm."""
    gaps = [gap(a[k], b[k]) for k in ("logits", "loss", "losses") if k in a]
    for key in ("gradients", "state"):
        rows = [(x["norm"], y["norm"]) for x, y in zip(a.get(key, []), b.get(key, [])) if not unstable(a, x["name"])]
        gaps += [abs(x - y) / max(abs(y), 1e-12) for x, y in rows]
    return max(gaps)


def unstable(result: dict, name: str) -> bool:
    """The bias of the keys shifts all scores of a query alike, so its gradient is 0 but for rounding; AdamW divides by it."""
    return result.get("optimizer") == "adamw" and name.endswith("attn.qkv.bias")


# The images of every step are new, so that a wrong momentum or moment shows.
SGD = dict(optimizer="sgd", momentum=0.9, decay=5e-4)
ADAMW = dict(optimizer="adamw", momentum=0.0, decay=0.05)
RUNS = {
    "resnet20-sgd": dict(configuration=resnet("resnet20", image=12), **SGD, lr=0.05, smoothing=0.1, mixup=None),
    "resnet20-adamw": dict(configuration=resnet("resnet20", image=12), **ADAMW, lr=1e-3, smoothing=0.0, mixup=None),
    "vit-sgd": dict(configuration=small_vit(), **SGD, lr=0.01, smoothing=0.0, mixup=None),
    "vit-adamw": dict(configuration=small_vit(), **ADAMW, lr=5e-4, smoothing=0.1, mixup=0.3),
}


def train_steps(r: dict, images_name: str, dtype=torch.float32, tremble=0.0, steps=10, warmup=3, count=8) -> dict:
    c = r["configuration"]
    model = tensors_of(c, dtype, tremble).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    if r["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(
            parameters, lr=r["lr"], momentum=r["momentum"], weight_decay=r["decay"], nesterov=True
        )
    else:
        optimizer = torch.optim.AdamW(parameters, lr=r["lr"], weight_decay=r["decay"])
    rising = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / (warmup + 1), 1.0, total_iters=warmup)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warmup)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [rising, falling], milestones=[warmup])
    losses, rates = [], []
    for step in range(steps):
        rates.append(schedule.get_last_lr()[0])
        images, labels = batch(c, count, f"{images_name}{step}")
        images = images.to(dtype)
        targets = labels
        if r["mixup"] is not None:  # Zhang et al., 2018: each image with the next one of the batch, one coefficient
            a = r["mixup"]
            images = a * images + (1 - a) * images.roll(-1, 0)
            one_hot = F.one_hot(labels, c["classes"]).to(dtype)
            targets = a * one_hot + (1 - a) * one_hot.roll(-1, 0)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), targets, label_smoothing=r["smoothing"])
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(batch(c, 2)[0].to(dtype))
    return {
        **r,
        "images": images_name,
        "steps": steps,
        "warmup": warmup,
        "count": count,
        "rates": rates,
        "losses": losses,
        "logits": logits.flatten().tolist(),
        "state": [summary(n, t) for n, t in model.state_dict().items() if t.is_floating_point()],
    }


def run_losses() -> dict:
    logits = hashed("logits", [6, 10], 8.0)
    labels = torch.arange(6) * 7 % 10
    one_hot = F.one_hot(labels, 10).float()
    mixed = 0.3 * one_hot + 0.7 * one_hot.roll(-1, 0)
    rows = []
    for smoothing in [0.0, 0.1, 0.3]:
        for kind, target in [("labels", labels), ("mixup", mixed)]:
            x = logits.clone().requires_grad_()
            loss = F.cross_entropy(x, target, label_smoothing=smoothing)
            loss.backward()
            rows.append({"smoothing": smoothing, "kind": kind, "loss": loss.item(), "gradient": x.grad.flatten().tolist()})
    return {"labels": labels.tolist(), "mixed": mixed.flatten().tolist(), "rows": rows}


def rounded(value):
    """Nine significant digits: a float32 survives, and the files stay small."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return value


def write_fixtures(only):
    """All fixtures, or the named cases."""
    from safetensors.torch import save_file

    torch.set_num_threads(2)
    FIXTURES.mkdir(parents=True, exist_ok=True)

    def save(name, value):
        (FIXTURES / f"{name}.json").write_text(json.dumps(rounded(value), separators=(",", ":")) + "\n")

    for name, c in CASES.items():
        if only and name not in only:
            continue
        small = training_configuration(c)
        training = steady(lambda images, dtype, tremble: train(small, images, dtype, tremble), choices=6)
        save(f"case-{name}", {"configuration": c, "evaluation": evaluate(c), "training": training})
        print(name, training["images"], flush=True)
    if only:
        return
    for name, r in RUNS.items():
        run = steady(lambda images, dtype, tremble: train_steps(r, images, dtype, tremble))
        save(f"run-{name}", run)
        print(name, run["images"], flush=True)
    save("losses", run_losses())

    # Checkpoints as PyTorch users write them, without our metadata: names, shapes and bytes come from PyTorch.
    foreign = {
        "foreign-resnet8": resnet("resnet8", channels=1, image=28),
        "foreign-vit": vit("vit", 64, 1, depth=2, patch=7, image=28, channels=1, classes=10),
    }
    for name, c in foreign.items():
        model = fill(build(c)).eval()
        half = {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in model.state_dict().items()}
        save_file(half, FIXTURES / f"{name}.safetensors")
        model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in half.items()}, strict=True)
        with torch.no_grad():
            logits = model(batch(c, 4)[0])
        save(name, {"configuration": c, "logits": logits.flatten().tolist()})
    total = sum(p.stat().st_size for p in FIXTURES.iterdir())
    print(f"{len(list(FIXTURES.iterdir()))} files, {total / 1e6:.2f} MB in {FIXTURES}")


def spread():
    """PyTorch against itself on the committed cases: what no float32 implementation can be asked to beat."""
    for path in sorted(FIXTURES.glob("case-*.json")):
        stored = json.loads(path.read_text())
        c, t = stored["configuration"], stored["training"]
        for label, dtype in [("stored, this machine", torch.float32), ("stored, float64", torch.float64)]:
            logits = gap(stored["evaluation"]["logits"], evaluate(c, dtype)["logits"])
            again = train(t["configuration"], t["images"], dtype)
            print(f"{path.stem:22} {label:21} evaluation {logits:.1e} training {difference(t, again):.1e}")
    for path in sorted(FIXTURES.glob("run-*.json")):
        stored = json.loads(path.read_text())
        for label, dtype in [("stored, this machine", torch.float32), ("stored, float64", torch.float64)]:
            again = train_steps(stored, stored["images"], dtype)
            print(f"{path.stem:22} {label:21} ten steps {difference(stored, again):.1e}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", *only] if set(only) <= set(CASES):
            write_fixtures(only)
        case ["spread"]:
            spread()
        case _:
            sys.exit(__doc__)
