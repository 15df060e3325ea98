#!/usr/bin/env python3
"""Writes Tests/Fixtures/torch/*.json: what PyTorch's own layers, losses, optimisers and schedules give.

Run with a Python that has torch 2.13:  python Tools/reference_torch.py
Layers are computed in float64 from float32 inputs, so the stored numbers are the exact ones that a float32 program
should come close to. Random draws are PyTorch's float32 draws.
"""
import json
import pathlib

import torch
import torch.nn.functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "torch"
generator = torch.Generator().manual_seed(20)


def draw(*shape, scale=1.0, shift=0.0):
    """Float32 values rounded to a few digits, so that the files stay small and exact."""
    return (torch.randn(shape, generator=generator) * scale + shift).mul(1024).round().div(1024)


def pack(tensor):
    tensor = tensor.detach()
    values = tensor.double().flatten().tolist()
    return {"shape": list(tensor.shape), "values": [float(f"{v:.9g}") for v in values]}


def case(function, inputs, **more):
    """Runs `function` on float64 copies; stores inputs, output, and gradients of <output, direction>."""
    leaves = {k: v.double().requires_grad_() for k, v in inputs.items()}
    output = function(**leaves)
    direction = draw(*output.shape)
    (output * direction.double()).sum().backward()
    return {
        "inputs": {k: pack(v) for k, v in inputs.items()},
        "direction": pack(direction),
        "output": pack(output),
        "gradients": {k: pack(v.grad) for k, v in leaves.items()},
        **more,
    }


def layers():
    r = {}
    r["linear"] = case(lambda x, weight, bias: F.linear(x, weight, bias),
                       dict(x=draw(3, 5, 12), weight=draw(7, 12), bias=draw(7)))
    r["linear-wide"] = case(lambda x, weight, bias: F.linear(x, weight, bias),
                            dict(x=draw(20, 16), weight=draw(48, 16), bias=draw(48)))
    r["conv"] = case(lambda x, weight, bias: F.conv2d(x, weight, bias, stride=2, padding=1),
                     dict(x=draw(2, 3, 7, 6), weight=draw(4, 3, 3, 3), bias=draw(4)))
    r["conv-grouped-dilated"] = case(lambda x, weight, bias: F.conv2d(x, weight, bias, dilation=2, groups=2),
                                     dict(x=draw(2, 4, 7, 7), weight=draw(6, 2, 3, 3), bias=draw(6)))
    for name, channels, residual, relu in [("batch-norm", 16, False, False), ("batch-norm-relu", 32, False, True),
                                           ("batch-norm-residual", 16, True, False),
                                           ("batch-norm-residual-relu", 16, True, True),
                                           ("batch-norm-odd-channels", 6, True, True)]:
        mean, variance = draw(channels).double(), draw(channels).double().abs() + 0.5
        before = dict(mean=pack(mean), variance=pack(variance))

        def norm(x, weight, bias, residual=None, relu=relu, mean=mean, variance=variance):
            y = F.batch_norm(x, mean, variance, weight, bias, True, 0.1, 1e-5)
            y = y if residual is None else y + residual
            return F.relu(y) if relu else y

        inputs = dict(x=draw(3, channels, 4, 5, scale=2, shift=1.5), weight=draw(channels), bias=draw(channels))
        if residual:
            inputs["residual"] = draw(3, channels, 4, 5)
        r[name] = case(norm, inputs, before=before)
        r[name]["after"] = dict(mean=pack(mean), variance=pack(variance))
    r["layer-norm"] = case(lambda x, weight, bias: F.layer_norm(x, (24,), weight, bias, 1e-6),
                           dict(x=draw(3, 4, 24, shift=2), weight=draw(24), bias=draw(24)))
    r["gelu"] = case(lambda x: F.gelu(x), dict(x=torch.cat([draw(200, scale=3), torch.tensor([0.0, -0.0, 12, -12, 40, -40, 1e-4])])))
    r["softmax"] = case(lambda x: F.softmax(x, 1), dict(x=draw(3, 7, scale=4)))

    def attend(qkv, heads):
        n, t, w = qkv.shape
        q, k, v = qkv.reshape(n, t, 3, heads, w // 3 // heads).permute(2, 0, 3, 1, 4).unbind(0)
        p = torch.softmax(q @ k.transpose(-1, -2) / (w // 3 // heads) ** 0.5, -1)
        return (p @ v).transpose(1, 2).reshape(n, t, w // 3)

    for name, tokens, heads, width in [("attention", 19, 2, 16), ("attention-one-token", 1, 1, 32),
                                       ("attention-odd-width", 5, 3, 6)]:
        r[name] = case(lambda qkv, heads=heads: attend(qkv, heads), dict(qkv=draw(2, tokens, 3 * heads * width, scale=1.5)),
                       heads=heads)
    for name, function in [("average-pool", lambda x: F.avg_pool2d(x, 2)), ("max-pool", lambda x: F.max_pool2d(x, 3, 2, 1)),
                           ("adaptive-average-pool", lambda x: F.adaptive_avg_pool2d(x, (1, 1)))]:
        r[name] = case(function, dict(x=draw(2, 3, 6, 8)))
    labels = torch.tensor([3, 0, 4, 1, 1])
    shares = torch.softmax(draw(5, 6).double(), 1).float()
    for smoothing in (0.0, 0.1):
        r[f"cross-entropy-{smoothing}"] = case(
            lambda x, s=smoothing: F.cross_entropy(x, labels, label_smoothing=s), dict(x=draw(5, 6, scale=3)),
            labels=labels.tolist())
        r[f"cross-entropy-shares-{smoothing}"] = case(
            lambda x, s=smoothing: F.cross_entropy(x, shares.double(), label_smoothing=s), dict(x=draw(5, 6, scale=3)),
            shares=pack(shares))
    return r


def draws():
    g = torch.Generator().manual_seed(123)
    r = {
        "normal": pack(torch.empty(20).normal_(1, 2, generator=g)),
        "uniform": pack(torch.empty(5).uniform_(-3, 1, generator=g)),
        "bernoulli": pack(torch.empty(40).bernoulli_(0.3, generator=g)),
    }
    linear = torch.nn.Linear(30, 8)
    torch.manual_seed(7)
    linear.reset_parameters()
    r["linear.weight"], r["linear.bias"] = pack(linear.weight), pack(linear.bias)
    conv = torch.nn.Conv2d(3, 4, 3)
    torch.manual_seed(7)
    conv.reset_parameters()
    r["conv.weight"], r["conv.bias"] = pack(conv.weight), pack(conv.bias)
    g = torch.Generator().manual_seed(9)
    r["truncated"] = pack(torch.nn.init.trunc_normal_(torch.empty(50), std=0.02, generator=g))
    return r


def optimizers():
    """Ten steps on ½ Σ c (p − t)², in two groups, the second at a tenth of the rate and without decay."""
    names = ["a", "b"]
    start = {"a": draw(6, 5), "b": draw(9)}
    target = {"a": draw(6, 5), "b": draw(9)}
    curvature = {"a": draw(6, 5).abs(), "b": draw(9).abs()}
    warmup, steps, base = 3, 10, 0.3
    kinds = {
        "sgd": lambda groups: torch.optim.SGD(groups, lr=base, weight_decay=0.05),
        "sgd-momentum": lambda groups: torch.optim.SGD(groups, lr=base, momentum=0.9, weight_decay=0.05),
        "sgd-nesterov": lambda groups: torch.optim.SGD(groups, lr=base, momentum=0.9, nesterov=True, weight_decay=0.05),
        "adamw": lambda groups: torch.optim.AdamW(groups, lr=base, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.05),
    }
    r = {"start": {k: pack(v) for k, v in start.items()}, "target": {k: pack(v) for k, v in target.items()},
         "curvature": {k: pack(v) for k, v in curvature.items()}, "warmup": warmup, "steps": steps, "base": base, "end": {}}
    for kind, make in kinds.items():
        p = {k: v.clone().requires_grad_() for k, v in start.items()}
        optimizer = make([{"params": [p["a"]]}, {"params": [p["b"]], "lr": base * 0.1, "weight_decay": 0.0}])
        # PyTorch's own schedulers, one after the other.
        up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: (s + 1) / (warmup + 1))
        for step in range(steps):
            if step == warmup:
                for group, scale in zip(optimizer.param_groups, (1, 0.1)):
                    group["lr"] = group["initial_lr"] = base * scale
                down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - warmup)
            optimizer.zero_grad()
            sum((curvature[k] * (p[k] - target[k]) ** 2).sum() / 2 for k in names).backward()
            optimizer.step()
            up.step() if step < warmup else down.step()
        r["end"][kind] = {k: pack(v) for k, v in p.items()}
    gradients = {k: draw(*v.shape) for k, v in start.items()}
    p = {k: v.clone().requires_grad_() for k, v in start.items()}
    for k in names:
        p[k].grad = gradients[k].clone()
    norm = torch.nn.utils.clip_grad_norm_(list(p.values()), 1.5)
    r["clip"] = {"max": 1.5, "norm": norm.item(), "before": {k: pack(v) for k, v in gradients.items()},
                 "after": {k: pack(v.grad) for k, v in p.items()}}
    return r


def schedules():
    def rates(make, steps=12):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        scheduler = make(optimizer)
        result = []
        for _ in range(steps):
            result.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return result

    s = torch.optim.lr_scheduler
    return {
        "base": 0.5,
        "constant": rates(lambda o: s.ConstantLR(o, 1.0)),
        "cosine": rates(lambda o: s.CosineAnnealingLR(o, 12)),
        "multiStep": rates(lambda o: s.MultiStepLR(o, [3, 8], 0.1)),
        "warmupCosine": rates(lambda o: s.SequentialLR(
            o, [s.LinearLR(o, 1 / 5, 1.0, total_iters=4), s.CosineAnnealingLR(o, 8)], [4])),
    }


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for name, content in [("layers", layers()), ("draws", draws()), ("optimizers", optimizers()), ("schedules", schedules())]:
        (OUT / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
        print(name, (OUT / f"{name}.json").stat().st_size)
