#!/usr/bin/env python3
"""Writes the reference files for the checkpoint and kernel tests, with PyTorch and the safetensors package.

    python -m venv .venv && .venv/bin/pip install torch safetensors numpy
    .venv/bin/python Tools/reference_checkpoints.py

Tests/Fixtures/checkpoints/
    pytorch.safetensors   one small tensor of every dtype, written by safetensors.torch.save_file
    pytorch.json          their shapes and values, as PyTorch reads them
    rounding.safetensors  `values` (Float64) and, for each small float, the bit patterns they round to. Values that are
                          Float32 numbers are rounded by PyTorch, the others exactly, with fractions.
"""
import json
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

folder = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "checkpoints"
folder.mkdir(parents=True, exist_ok=True)

# One tensor of every dtype.
generator = torch.Generator().manual_seed(20220310)
normal = torch.randn(3, 4, generator=generator, dtype=torch.float64)
tensors = {
    "double": normal,
    "float": normal.float(),
    "half": normal.half(),
    "bfloat": normal.bfloat16(),
    "e4m3": normal.to(torch.float8_e4m3fn),
    "e5m2": normal.to(torch.float8_e5m2),
    "long": torch.tensor([-(2**62), 0, 7]),
    "int": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "short": torch.tensor([[-32768], [32767]], dtype=torch.int16),
    "char": torch.tensor([-128, 127], dtype=torch.int8),
    "byte": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 5),
    "naïve \"quoted\"\\name/日本": torch.ones(1),
}
save_file(tensors, folder / "pytorch.safetensors", metadata={"format": "pt", "note": "line\nbreak \u2603 \"q\""})
expected = {
    name: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape), "values": t.double().flatten().tolist()}
    for name, t in tensors.items()
}
(folder / "pytorch.json").write_text(json.dumps(expected, indent=1) + "\n")

# Roundings. name: (mantissa bits, smallest exponent, first magnitude that overflows after rounding, overflow bits)
formats = {
    "float16": (10, -14, Fraction(65520), 0x7C00, 16, torch.float16),
    "bfloat16": (7, -126, Fraction(2) ** 128 - Fraction(2) ** 119, 0x7F80, 16, torch.bfloat16),
    "float8_e4m3fn": (3, -6, Fraction(464), 0x7E, 8, torch.float8_e4m3fn),
    "float8_e5m2": (2, -14, Fraction(61440), 0x7C, 8, torch.float8_e5m2),
}


def exact(value: float, mantissa: int, smallest: int, limit, overflow: int, width: int) -> int:
    """Bits of `value` rounded once, to nearest even."""
    sign = int(struct.unpack("<Q", struct.pack("<d", value))[0] >> 63) << (width - 1)
    x = abs(Fraction(value))
    if x == 0:
        return sign
    if x >= limit:
        return sign | overflow
    exponent = smallest
    while x >= Fraction(2) ** (exponent + 1):
        exponent += 1
    units = round(x / Fraction(2) ** (exponent - mantissa))  # Python rounds halves to even
    # `units` counts last places; a carry into the next exponent comes out right by itself.
    return sign | (((exponent - smallest) << mantissa) + units)


rng = np.random.default_rng(7)
random_bits = rng.integers(0, 2**32, 1500, dtype=np.uint32)
values = [float(v) for v in random_bits.view(np.float32) if np.isfinite(v)]
for mantissa, smallest, limit, _, _, _ in formats.values():
    exponents = rng.integers(smallest - mantissa - 2, min(-smallest + 2, 127), 150)
    for e in exponents:  # ties and their neighbours, in the subnormal range too
        unit = 2.0 ** float(max(int(e), smallest) - mantissa)
        tie = (int(rng.integers(1, 2 ** (mantissa + 1))) + 0.5) * unit
        for v in (tie, tie * (1 + 2.0**-50), tie * (1 - 2.0**-50), np.nextafter(np.float32(tie), np.float32(np.inf))):
            values.append(float(v) * (1 if rng.integers(2) else -1))
values += [0.0, -0.0, 448.0, 464.0, 464.00003, -465.0, 480.0, 57344.0, 61439.0, 61440.0, 65519.9, 65520.0, 1e-300, -1e-300, 1e300]
values = np.array(values, dtype=np.float64)
result = {"values": torch.from_numpy(values)}
with np.errstate(over="ignore"):
    single = torch.from_numpy(values.astype(np.float32))
is_single = single.double() == torch.from_numpy(values)
for name, (mantissa, smallest, limit, overflow, width, dtype) in formats.items():
    integer = torch.int16 if width == 16 else torch.uint8
    bits = torch.tensor([exact(v, mantissa, smallest, limit, overflow, width) for v in values.tolist()])
    if width == 16:
        bits = torch.where(bits >= 2**15, bits - 2**16, bits)
    theirs = single.to(dtype).view(integer).long()
    differ = (theirs != bits) & is_single
    assert not differ.any(), (name, values[differ.numpy()][:5], theirs[differ][:5], bits[differ][:5])
    result[name] = bits.to(integer)
save_file(result, folder / "rounding.safetensors", metadata={"format": "pt"})
print(f"{len(values)} roundings, {int(is_single.sum())} of them confirmed by PyTorch")
