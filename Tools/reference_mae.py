#!/usr/bin/env python3
"""A masked autoencoder in plain PyTorch, and what the tests of SoupTraining's MAE compare with.

    python Tools/reference_mae.py            # writes Tests/Fixtures/training/mae* (needs torch, numpy)
    python Tools/reference_mae.py vit-b FOLDER   # a ViT-B/16 with its decoder and random weights, and its features; see Tools/check_vit_b.sh

Written from the paper (He et al., 2021, arXiv:2111.06377) in the order in which it describes the method: mask by sorting noise, put
mask tokens in, sort back, add positions. Shares no code with the Swift side. Weights, images and noise are hashed from names as in
Tools/reference.py. Steps run in float64.
"""

import json
import pathlib
import sys

import numpy
import reference
import torch
from reference import Block, hashed, sincos_position
from torch import nn

OUT = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "training"
TINY = reference.vit("vit", 32, 1, depth=2, patch=4, image=12, channels=1, classes=0, position="sincos")
DECODER = dict(width=16, depth=2, heads=2)
BATCH, STEPS, RATE, DECAY = 5, 10, 1e-3, 0.05
# Colours show in which order a patch's values are predicted.
CONFIGURATIONS = {"mae": TINY, "mae-norm": TINY | {"channels": 3}}
CASES = {"mae": dict(mask_ratio=0.75, norm_pixels=False), "mae-norm": dict(mask_ratio=0.5, norm_pixels=True)}


class MAE(nn.Module):
    """Encoder with timm's names, decoder with MAE's."""

    def __init__(self, c, width, depth, heads, mask_ratio=0.75, norm_pixels=False):
        super().__init__()
        dim, grid = c["dim"], c["image"] // c["patch"]
        self.c, self.ratio, self.norm_pixels = c, mask_ratio, norm_pixels
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(sincos_position(dim, grid), requires_grad=False)
        self.patch_embed = reference.PatchEmbed(c["patch"], c["channels"], dim)
        self.blocks = nn.Sequential(*[Block(dim, c["heads"], c["mlp"], c["eps"]) for _ in range(c["depth"])])
        self.norm = nn.LayerNorm(dim, eps=c["eps"])
        self.decoder_embed = nn.Linear(dim, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(sincos_position(width, grid), requires_grad=False)
        self.decoder_blocks = nn.Sequential(*[Block(width, heads, 4.0, 1e-6) for _ in range(depth)])
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_pred = nn.Linear(width, c["patch"] ** 2 * c["channels"])

    def features(self, images):
        x = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.norm(self.blocks(x))[:, 0]

    def patches(self, images):
        """Pixels of a patch row by row, channels innermost."""
        n, c, size, p = *images.shape[:3], self.c["patch"]
        return images.reshape(n, c, size // p, p, size // p, p).permute(0, 2, 4, 3, 5, 1).reshape(n, -1, p * p * c)

    def loss(self, images, noise):
        """noise [N, L] in any range decides the mask: the smallest are kept."""
        order = noise.argsort(1)
        restore = order.argsort(1)
        x = self.patch_embed(images) + self.pos_embed[:, 1:]
        n, count, dim = x.shape
        kept = int(count * (1 - self.ratio))
        visible = order[:, :kept]
        x = torch.gather(x, 1, visible[..., None].expand(-1, -1, dim))
        x = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(n, -1, -1), x], 1)
        x = self.decoder_embed(self.norm(self.blocks(x)))
        width = x.shape[2]
        y = torch.cat([x[:, 1:], self.mask_token.to(x.dtype).expand(n, count - kept, -1)], 1)
        y = torch.gather(y, 1, restore[..., None].expand(-1, -1, width))
        y = torch.cat([x[:, :1], y], 1) + self.decoder_pos_embed
        prediction = self.decoder_pred(self.decoder_norm(self.decoder_blocks(y)))[:, 1:]
        target = self.patches(images)
        if self.norm_pixels:
            target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
        hidden = torch.ones(n, count, dtype=prediction.dtype, device=x.device)
        hidden.scatter_(1, visible, 0.0)
        error = (prediction.float() if x.dtype == torch.bfloat16 else prediction) - target
        return (error.square().mean(-1) * hidden).sum() / hidden.sum(), visible


def fill(model):
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = reference.parameter_value(name, list(parameter.shape))
    return model


def images(c, step):
    return hashed(f"step{step}.view0", [BATCH, c["channels"], c["image"], c["image"]], 1.75)


def run(case):
    c = CONFIGURATIONS[case]
    model = fill(MAE(c, **DECODER, **CASES[case])).double()
    # The encoder is called without its classifier: every parameter has a gradient.
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE, weight_decay=DECAY)
    losses, visible, gradients = [], [], []
    for step in range(STEPS):
        noise = hashed(f"step{step}.noise", [BATCH, (c["image"] // c["patch"]) ** 2], 1.0)
        optimizer.zero_grad()
        loss, kept = model.loss(images(c, step).double(), noise)
        loss.backward()
        if step == 0:
            gradients = [reference.summary(n, p.grad) for n, p in model.named_parameters() if p.grad is not None]
        optimizer.step()
        losses.append(loss.item())
        visible.append(kept.tolist())
    state = [reference.summary(n, p) for n, p in model.named_parameters() if p.requires_grad]
    return dict(
        configuration=c, decoder=DECODER, settings=CASES[case], batch=BATCH, steps=STEPS, rate=RATE, decay=DECAY,
        losses=losses, visible=visible, gradients=gradients, state=state,
    )  # fmt: skip


def fixtures():
    OUT.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        (OUT / f"{case}.json").write_text(json.dumps(rounded(run(case))))
    # A pre-training file as PyTorch users have it: encoder without classifier, and decoder, below "model".
    model = fill(MAE(TINY, **DECODER)).eval()
    torch.save({"model": model.state_dict(), "epoch": 3}, OUT / "mae.pth")
    with torch.no_grad():
        features = model.features(images(TINY, 0))
    (OUT / "mae-features.json").write_text(json.dumps(rounded(dict(features=features.flatten().tolist()))))


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def vit_b(folder):
    """A published checkpoint's names, shapes and wrapping, with random values; features of 4 images beside it."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    c = reference.vit("vit-base", 768, 12, classes=0, position="sincos")
    model = MAE(c, width=512, depth=8, heads=16).eval()
    for name, p in model.named_parameters():
        if p.requires_grad:
            p.data.normal_(1.0 if "norm" in name and name.endswith("weight") else 0.0, 0.03)
    encoder = {k: v for k, v in model.state_dict().items() if not k.startswith(("decoder_", "mask_token"))}
    assert len(encoder) == 150, len(encoder)
    torch.save({"model": encoder}, folder / "encoder.pth")
    torch.save({"model": model.state_dict()}, folder / "mae.pth")
    images = torch.randn(4, 3, 224, 224)
    noise = torch.rand(4, 196)
    with torch.no_grad():
        features = model.features(images)
        loss, visible = model.loss(images, noise)
    values = dict(images=images, features=features, loss=loss[None], visible=visible.float())
    numpy.savez(folder / "values.npz", **{k: v.numpy() for k, v in values.items()})
    print(folder, "150 tensors of the encoder,", len(model.state_dict()) - 150, "of the decoder")


if __name__ == "__main__":
    vit_b(sys.argv[2]) if sys.argv[1:2] == ["vit-b"] else fixtures()
