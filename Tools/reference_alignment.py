#!/usr/bin/env python3
"""Writes Tests/Fixtures/alignment/assignments.json: the largest sums that scipy finds for matrices that the tests make again.
Needs `pip install scipy`."""
import json, pathlib
import numpy as np, scipy
from scipy.optimize import linear_sum_assignment

MASK = (1 << 64) - 1


def matrix(n, kind, seed):
    """Knuth's linear congruential generator, so that no matrix need be stored."""
    state, values = seed, []
    for _ in range(n * n):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        top = state >> 33
        values.append({"uniform": top / 2**31 - 0.5, "ties": float(top % 5), "large": (top / 2**31) ** 8 * 1e6}[kind])
    return np.array(values).reshape(n, n)


cases = []
for kind in ["uniform", "ties", "large"]:
    for n in [1, 2, 3, 5, 8, 13, 40, 100, 256]:
        values = matrix(n, kind, n)
        rows, columns = linear_sum_assignment(values, maximize=True)
        cases.append({"kind": kind, "n": n, "seed": n, "largest": float(values[rows, columns].sum()),
                      "columns": columns.tolist() if kind != "ties" and n <= 100 else None})
path = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/alignment/assignments.json"
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"scipy": scipy.__version__, "cases": cases}, separators=(",", ":")) + "\n")
