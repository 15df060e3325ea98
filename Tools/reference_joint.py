#!/usr/bin/env python3
"""MoCo v3, MMCR and LeJEPA in plain PyTorch, and the numbers that the tests of SoupTraining's objectives compare with.

    python Tools/reference_joint.py        # writes Tests/Fixtures/training/joint-*.json (needs torch, numpy)

Written from the papers' formulas; shares no code with the Swift side. Models, weights and images are those of
Tools/reference.py: both sides compute them from names. Steps run in float64, so that the numbers are the exact ones that a
float32 program should come close to. Benchmarks/objectives.py measures the same modules.
"""

import copy
import json
import math
import pathlib

import reference
import torch
from reference import hashed
from torch import nn
from torch.nn import functional as F

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "training"


# --- Heads ----------------------------------------------------------------------------------------------------------


def batch_norm_head(inputs, widths, bias=False, ends_in_norm=False):
    layers = []
    for index, width in enumerate(widths):
        last = index == len(widths) - 1
        layers.append(nn.Linear(inputs, width, bias=bias))
        if not last:
            layers += [nn.BatchNorm1d(width), nn.ReLU()]
        elif ends_in_norm:
            layers.append(nn.BatchNorm1d(width, affine=False))
        inputs = width
    return nn.Sequential(*layers)


def gelu_head(inputs, hidden, outputs):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


# --- Losses ---------------------------------------------------------------------------------------------------------


def full(x):
    """Out of autocast's bfloat16, where that would spoil the loss."""
    return x if x.dtype == torch.float64 else x.float()


def contrast(q, k, temperature):
    with torch.autocast("cpu", enabled=False):
        q, k = F.normalize(full(q), dim=1), F.normalize(full(k), dim=1)
        logits = q @ k.T / temperature
        return 2 * temperature * F.cross_entropy(logits, torch.arange(len(q)))


def nuclear(x):
    return torch.linalg.svdvals(x).sum(-1)


def sigreg(projections, directions, knots=17, limit=3.0):
    """[V, N, D] and [K, D] → mean over views and slices of the Epps–Pulley statistic."""
    with torch.autocast("cpu", enabled=False):
        t = torch.linspace(0, limit, knots, dtype=projections.dtype)
        step = limit / (knots - 1)
        weights = torch.full((knots,), 2 * step, dtype=projections.dtype)
        weights[[0, -1]] = step
        normal = torch.exp(-t.square() / 2)
        angle = (projections @ directions.T)[..., None] * t  # [V, N, K, knots]
        error = (angle.cos().mean(1) - normal).square() + angle.sin().mean(1).square()
        return projections.shape[1] * (error @ (weights * normal)).mean()


# --- Objectives -----------------------------------------------------------------------------------------------------


class Objective:
    """`head` is trained with the model and thrown away; `loss(views, epoch, epochs, directions)`."""

    def copies(self):
        """Modules that follow without gradients."""
        return []

    def _momentum_copy(self, *modules):
        made = [copy.deepcopy(m) for m in modules]
        for module in made:
            module.requires_grad_(False)
        return made

    @torch.no_grad()
    def _follow(self, pairs, momentum):
        for old, new in pairs:
            for a, b in zip(old.parameters(), new.parameters()):
                a.lerp_(b, 1 - momentum)


class MoCoV3(Objective):
    views = 2

    def __init__(self, model, width, transformer, projector, predictor, temperature=0.2, momentum=0.99):
        self.model, self.temperature, self.momentum = model, temperature, momentum
        self.head = nn.ModuleDict({
            "projector": batch_norm_head(width, projector, ends_in_norm=True),
            "predictor": batch_norm_head(projector[-1], predictor, ends_in_norm=transformer),
        })
        if transformer:
            model.patch_embed.requires_grad_(False)

    def start(self):
        self.target, self.target_projector = self._momentum_copy(self.model, self.head["projector"])

    def copies(self):
        return [("model", self.target), ("head.projector", self.target_projector)]

    def loss(self, views, epoch, epochs, directions=None):
        queries = [self.head["predictor"](self.head["projector"](self.model.features(v))) for v in views]
        momentum = 1 - (1 - self.momentum) * (1 + math.cos(math.pi * epoch / epochs)) / 2
        self._follow([(self.target, self.model), (self.target_projector, self.head["projector"])], momentum)
        with torch.no_grad():
            keys = [self.target_projector(self.target.features(v)) for v in views]
        return contrast(queries[0], keys[1], self.temperature) + contrast(queries[1], keys[0], self.temperature)


class MoCoV3Light(Objective):
    views = 2

    def __init__(self, model, width, hidden, temperature=1.0):
        self.model, self.temperature = model, temperature
        self.head = nn.ModuleDict({"head": gelu_head(width, hidden, width)})

    def start(self):
        pass

    def loss(self, views, epoch, epochs, directions=None):
        query = self.head["head"](self.model.features(views[0]))
        with torch.no_grad():
            key = self.model.features(views[1])
        return contrast(query, key, self.temperature)


class MMCR(Objective):
    def __init__(self, model, width, projector, views=2, local_weight=0.0, momentum=None):
        self.model, self.views, self.local_weight, self.momentum = model, views, local_weight, momentum
        self.head = nn.ModuleDict({"projector": batch_norm_head(width, projector)})

    def start(self):
        if self.momentum is not None:
            self.target, self.target_projector = self._momentum_copy(self.model, self.head["projector"])

    def copies(self):
        return [] if self.momentum is None else [("model", self.target), ("head.projector", self.target_projector)]

    def loss(self, views, epoch, epochs, directions=None):
        z = [self.head["projector"](self.model.features(v)) for v in views]
        with torch.autocast("cpu", enabled=False):
            z = F.normalize(full(torch.stack(z)), dim=-1)
        centroid = z.mean(0)
        if self.momentum is not None:
            self._follow([(self.target, self.model), (self.target_projector, self.head["projector"])], self.momentum)
            with torch.no_grad():
                other = [self.target_projector(self.target.features(v)) for v in views]
                centroid_of_copy = F.normalize(full(torch.stack(other)), dim=-1).mean(0)
            centroid = (centroid + centroid_of_copy) / 2
        loss = -nuclear(centroid)
        if self.local_weight:
            loss = loss + self.local_weight * nuclear(z.permute(1, 2, 0)).mean()
        return loss


class MMCRLight(Objective):
    views = 2

    def __init__(self, model, width, hidden, local_weight=0.0):
        self.model, self.local_weight = model, local_weight
        self.head = nn.ModuleDict({"projector": gelu_head(width, hidden, width)})

    def start(self):
        pass

    def loss(self, views, epoch, epochs, directions=None):
        z1 = self.head["projector"](self.model.features(views[0]))
        with torch.no_grad():
            z2 = self.head["projector"](self.model.features(views[1]))
        with torch.autocast("cpu", enabled=False):
            z1, z2 = F.normalize(full(z1), dim=1), F.normalize(full(z2), dim=1)
            loss = -nuclear((z1 + z2) / 2) / len(z1)
            if self.local_weight:
                loss = loss + self.local_weight * nuclear(torch.stack([z1, z2], 2)).mean()
        return loss


class LeJEPA(Objective):
    def __init__(self, model, width, projector, global_views=2, local_views=6, weight=0.05, slices=1024, knots=17):
        self.model, self.weight, self.slices, self.knots = model, weight, slices, knots
        self.global_views, self.views = global_views, global_views + local_views
        self.head = nn.ModuleDict({"projector": batch_norm_head(width, projector, bias=True)})

    def start(self):
        pass

    def loss(self, views, epoch, epochs, directions=None):
        flat = self.head["projector"](self.model.features(torch.cat(views)))
        p = full(flat).reshape(len(views), -1, flat.shape[1])
        if directions is None:
            directions = F.normalize(torch.randn(self.slices, p.shape[2]), dim=1)
        with torch.autocast("cpu", enabled=False):
            centre = p[: self.global_views].mean(0)
            invariance = (centre - p).square().mean()
        return self.weight * sigreg(p, directions, self.knots) + (1 - self.weight) * invariance


# --- Fixtures -------------------------------------------------------------------------------------------------------

VIT = reference.vit("vit-tiny", 32, 2, depth=2, patch=4, image=8, channels=1, classes=3)
RESNET = reference.resnet("resnet8", classes=3, channels=1, image=8)
STEPS, BATCH, RATE, DECAY, PER_EPOCH = 10, 16, 1e-3, 0.05, 5

CASES = {
    "mocov3": dict(objective="mocov3", variant="original", temperature=0.2, momentum=0.9, projector=[32, 32, 16],
                   predictor=[32, 16]),
    "mocov3-light": dict(objective="mocov3", variant="light", temperature=0.1, projector=[64]),
    "mmcr": dict(objective="mmcr", variant="original", local_weight=0.3, views=3, projector=[32, 16]),
    "mmcr-momentum": dict(objective="mmcr", variant="original", local_weight=0.0, views=2, momentum=0.9,
                          projector=[32, 16]),
    "mmcr-light": dict(objective="mmcr", variant="light", local_weight=1.0, projector=[64]),
    "lejepa": dict(objective="lejepa", weight=0.05, slices=24, knots=17, global_views=2, local_views=1,
                   projector=[32, 16]),
}  # fmt: skip


def make(case, model, width, transformer):
    c = CASES[case]
    if c["objective"] == "lejepa":
        return LeJEPA(model, width, c["projector"], c["global_views"], c["local_views"], c["weight"], c["slices"], c["knots"])
    if c["objective"] == "mmcr":
        if c["variant"] == "light":
            return MMCRLight(model, width, c["projector"][0], c["local_weight"])
        return MMCR(model, width, c["projector"], c["views"], c["local_weight"], c.get("momentum"))
    if c["variant"] == "light":
        return MoCoV3Light(model, width, c["projector"][0], c["temperature"])
    return MoCoV3(model, width, transformer, c["projector"], c["predictor"], c["temperature"], c["momentum"])


def run(case, configuration):
    transformer = configuration["architecture"].startswith("vit")
    model = reference.fill(reference.build(configuration)).double()
    objective = make(case, model, configuration["dim"] if transformer else 64, transformer)
    head = reference.fill(objective.head).double()
    objective.start()
    for module in [model, head] + [m for _, m in objective.copies()]:
        module.train()
    trained = [p for p in list(model.parameters()) + list(head.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=DECAY)
    losses, gradients = [], []
    shape = [BATCH, configuration["channels"], configuration["image"], configuration["image"]]
    for step in range(STEPS):
        views = [hashed(f"step{step}.view{v}", shape, 1.75).double() for v in range(objective.views)]
        directions = None
        if CASES[case]["objective"] == "lejepa":
            values = hashed(f"step{step}.directions", [objective.slices, CASES[case]["projector"][-1]], 1.0)
            directions = F.normalize(values, dim=1).double()
        optimizer.zero_grad()
        loss = objective.loss(views, step / PER_EPOCH, STEPS / PER_EPOCH, directions)
        loss.backward()
        if step == 0:
            for part, module in [("model", model), ("head", head)]:
                gradients += [
                    {"part": part} | reference.summary(n, p.grad) for n, p in module.named_parameters() if p.grad is not None
                ]
        optimizer.step()
        losses.append(loss.item())
    state = [
        {"part": part} | reference.summary(n, v)
        for part, module in [("model", model), ("head", head)]
        for n, v in module.state_dict().items() if v.dtype == torch.float64
    ]  # fmt: skip
    copies = [
        reference.summary(f"{part}.{n}", v)
        for part, module in objective.copies() for n, v in module.state_dict().items() if v.dtype == torch.float64
    ]  # fmt: skip
    return dict(
        configuration=configuration, settings=CASES[case], steps=STEPS, batch=BATCH, rate=RATE, decay=DECAY,
        steps_per_epoch=PER_EPOCH, losses=losses, gradients=gradients, state=state, copies=copies,
    )  # fmt: skip


def values():
    """Losses with gradients on random vectors, and nuclear norms, in float64."""
    result = {}
    for name, function, inputs in [
        ("contrast", lambda q, k: contrast(q, k, 0.3), ("q", "k")),
        ("nuclear-wide", lambda x: nuclear(x), (("x", [5, 9]),)),
        ("nuclear-tall", lambda x: nuclear(x), (("x", [9, 5]),)),
        ("nuclear-batch", lambda x: nuclear(x).sum(), (("x", [3, 7, 2]),)),
        ("sigreg", lambda p: sigreg(p, F.normalize(hashed("values.directions", [70, 6], 1.0), dim=1).double()),
         (("p", [2, 12, 6]),)),
    ]:  # fmt: skip
        leaves = {}
        for item in inputs:
            key, shape = (item, [6, 4]) if isinstance(item, str) else item
            leaves[key] = hashed(f"values.{name}.{key}", shape, 1.5).double().requires_grad_()
        output = function(**leaves)
        output.backward()
        result[name] = {
            "value": output.item(),
            "gradients": {k: {"shape": list(v.shape), "values": v.grad.flatten().tolist()} for k, v in leaves.items()},
        }
    return result


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        for name, configuration in [("vit", VIT), ("resnet", RESNET)]:
            (OUT / f"joint-{case}-{name}.json").write_text(json.dumps(rounded(run(case, configuration))))
    (OUT / "joint-values.json").write_text(json.dumps(rounded(values())))
