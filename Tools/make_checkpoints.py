#!/usr/bin/env python3
"""Writes the reference files for the tests of checkpoint formats, with PyTorch, NumPy and the safetensors package.

    python -m venv .venv && .venv/bin/pip install torch safetensors numpy
    .venv/bin/python Tools/make_checkpoints.py

Tests/Fixtures/checkpoints/formats/ gets small files of every kind, and expected.json: file -> tensor -> dtype, shape and
values, as PyTorch or NumPy reads them.
"""
import argparse
import io
import json
import shutil
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

folder = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "checkpoints" / "formats"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
expected = {}


def note(name, tensors):
    expected[name] = {
        key: {
            "dtype": str(t.dtype).removeprefix("torch."),
            "shape": list(t.shape),
            "values": t.detach().double().flatten().tolist(),
        }
        for key, t in tensors.items()
    }


generator = torch.Generator().manual_seed(20220310)
normal = torch.randn(4, 6, generator=generator, dtype=torch.float64)
tied = normal.float().clone()
every = OrderedDict(
    {
        "double": normal,
        "float": normal.float(),
        "half": normal.half(),
        "bfloat": normal.bfloat16(),
        "long": torch.tensor([-(2**62), 0, 7]),
        "int": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        "short": torch.tensor([[-32768], [32767]], dtype=torch.int16),
        "char": torch.tensor([-128, 127], dtype=torch.int8),
        "byte": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 5),
        "transposed": tied.t(),
        "columns": tied[:, 1::2],
        "permuted": torch.arange(24, dtype=torch.int16).reshape(2, 3, 4).permute(2, 0, 1),
        "expanded": torch.tensor([[1.0], [2.0]]).expand(2, 3),
        "tail": tied[2:],
        "embedding": tied,
        "head": tied,
        'naïve "quoted"/日本': torch.ones(1),
    }
)
float8 = {"e4m3": normal.to(torch.float8_e4m3fn), "e5m2": normal.to(torch.float8_e5m2).t()}

# The two formats of torch.save, and other protocols of pickle.
torch.save(every | float8, folder / "zip.pt")
note("zip.pt", every | float8)
torch.save(every, folder / "legacy.pt", _use_new_zipfile_serialization=False)
note("legacy.pt", every)
for protocol in (3, 4, 5):
    torch.save(every, folder / f"protocol{protocol}.pt", pickle_protocol=protocol)
    note(f"protocol{protocol}.pt", every)
torch.save(every, folder / "legacy4.pt", _use_new_zipfile_serialization=False, pickle_protocol=4)
note("legacy4.pt", every)

# The same archive compressed, and as a machine of the other byte order would have written it.
with zipfile.ZipFile(folder / "protocol3.pt") as source:
    with zipfile.ZipFile(folder / "deflated.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
note("deflated.pt", every)
swapped = {k: v for k, v in every.items() if k in ("double", "float", "long", "short", "bool", "transposed", "half")}
torch.save(swapped, folder / "big.pt")
sizes = {}
for index, tensor in enumerate(swapped.values()):
    sizes[str(index)] = tensor.element_size()
with zipfile.ZipFile(folder / "big.pt") as source:
    records = {name: source.read(name) for name in source.namelist()}
with zipfile.ZipFile(folder / "big.pt", "w") as target:
    for name, content in records.items():
        if name.endswith("/byteorder"):
            content = b"big"
        elif "/data/" in name:
            size = sizes[name.rsplit("/", 1)[1]]
            content = np.frombuffer(content, f"<u{size}").astype(f">u{size}").tobytes()
        target.writestr(name, content)
note("big.pt", swapped)
torch_says = torch.load(folder / "big.pt", weights_only=True)
assert all(torch.equal(torch_says[name], tensor) for name, tensor in swapped.items())

# What training scripts save: everything, with objects that mean nothing here.
torch.manual_seed(7)
model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.ReLU(), torch.nn.Linear(4, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
model[1](model[0](torch.randn(2, 2, 5, 5))).sum().backward()
optimizer.step()
state = OrderedDict(("module." + name, tensor) for name, tensor in model.state_dict().items())
training = {
    "epoch": 3,
    "arch": "resnet",
    "best_acc1": np.float64(76.1),
    "args": argparse.Namespace(lr=0.1, device=torch.device("cpu"), path=Path("/tmp/x"), size=torch.Size([1, 2])),
    "model": state,
    "optimizer": optimizer.state_dict(),
}
torch.save(training, folder / "training.pt")
note("training.pt", model.state_dict())
torch.save(training, folder / "training-legacy.pt", _use_new_zipfile_serialization=False)
note("training-legacy.pt", model.state_dict())
torch.save({"student": {"backbone": model.state_dict()}, "teacher": model.state_dict()}, folder / "several.pt")
note("several.pt", model.state_dict())
torch.save({"epoch": 1, "weights_only_here": {"layers": [torch.ones(2), {"bias": torch.zeros(1)}]}}, folder / "nested.pt")
note("nested.pt", {"layers.0": torch.ones(2), "layers.1.bias": torch.zeros(1)})
torch.save(model, folder / "module.pt")
note("module.pt", model.state_dict())
torch.save(dict(model.named_parameters()), folder / "parameters.pt")
note("parameters.pt", dict(model.named_parameters()))
torch.save(torch.arange(6.0), folder / "tensor.pt")
note("tensor.pt", {"tensor": torch.arange(6.0)})
torch.save([torch.ones(1), torch.zeros(2)], folder / "list.pt")
note("list.pt", {"0": torch.ones(1), "1": torch.zeros(2)})

# What is not read.
torch.save({"x": torch.ones(3).to_sparse()}, folder / "sparse.pt")
torch.save({"x": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)}, folder / "quantized.pt")
torch.save({"x": torch.ones(3, dtype=torch.complex64)}, folder / "complex.pt")
torch.save({"x": torch.ones(3, dtype=torch.uint16)}, folder / "uint16.pt")
torch.jit.script(torch.nn.ReLU()).save(str(folder / "script.pt"))

# NumPy.
arrays = {
    "double": normal.numpy(),
    "float": normal.float().numpy(),
    "half": normal.half().numpy(),
    "long": np.array([-(2**62), 0, 7]),
    "int": np.array([-(2**31), 2**31 - 1], np.int32),
    "short": np.array([[-32768], [32767]], np.int16),
    "char": np.array([-128, 127], np.int8),
    "byte": np.array([0, 255], np.uint8),
    "bool": np.array([True, False]),
    "scalar": np.float32(2.5),
    "empty": np.zeros((0, 5), np.float32),
    "fortran": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "big": np.arange(5, dtype=">f4"),
    "bigfortran": np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    "encoder/weight": np.ones((2, 2), np.float32),
}
as_torch = {name: torch.from_numpy(np.asarray(a).astype(np.asarray(a).dtype.newbyteorder("="))) for name, a in arrays.items()}
np.savez(folder / "stored.npz", **arrays)
note("stored.npz", as_torch)
np.savez_compressed(folder / "compressed.npz", **arrays)
note("compressed.npz", as_torch)
np.save(folder / "fortran.npy", arrays["fortran"])
note("fortran.npy", {"fortran": as_torch["fortran"]})
np.save(folder / "objects.npy", np.array([{}, None], dtype=object))
np.savez(folder / "objects.npz", good=np.ones(2), bad=np.array([print, None], dtype=object))
np.save(folder / "complex.npy", np.ones(2, np.complex64))
np.save(folder / "structured.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))

# Shards as Hugging Face lays them out.
for kind in ("model.safetensors", "pytorch_model.bin"):
    target = folder / ("sharded-" + kind.split(".")[1])
    target.mkdir()
    contiguous = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    names = sorted(contiguous)
    weight_map = {}
    stem, extension = kind.split(".")
    for index, part in enumerate((names[:3], names[3:6], names[6:])):
        shard = f"{stem}-{index + 1:05}-of-00003.{extension}"
        tensors = {name: contiguous[name] for name in part}
        if extension == "safetensors":
            save_file(tensors, target / shard, metadata={"format": "pt"})
        else:
            torch.save(tensors, target / shard)
        weight_map |= {name: shard for name in part}
    total = sum(t.numel() * t.element_size() for t in contiguous.values())
    index = {"metadata": {"total_size": total, "note": "x"}, "weight_map": weight_map}
    (target / (kind + ".index.json")).write_text(json.dumps(index, indent=2) + "\n")
    (target / "config.json").write_text('{"model_type": "test"}\n')
    note("sharded-" + extension, contiguous)

(folder / "expected.json").write_text(json.dumps(expected) + "\n")
total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
print(f"{total} bytes in {folder}")
