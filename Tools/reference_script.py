#!/usr/bin/env python3
"""Writes the TorchScript module that the tests fill and run: a small convolutional net, random weights apart from it, and
its logits on given images. Needs torch and safetensors: Tools/reference_script.py"""
import json
import pathlib

import torch
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "script"


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


def main():
    FIXTURES.mkdir(exist_ok=True)
    torch.manual_seed(0)
    torch.jit.script(Net().eval()).save(str(FIXTURES / "net.pt"))
    for index in range(2):
        torch.manual_seed(index + 1)
        net = Net().eval()
        net.norm.running_mean.normal_()
        net.norm.running_var.uniform_(0.5, 2)
        save_file(net.state_dict(), FIXTURES / f"{index}.safetensors")
    images = (torch.arange(2 * 8 * 8, dtype=torch.float32) % 17 / 16).reshape(2, 1, 8, 8)
    with torch.no_grad():
        logits = net(images).tolist()
    (FIXTURES / "logits.json").write_text(json.dumps({"logits": logits}) + "\n")


if __name__ == "__main__":
    main()
