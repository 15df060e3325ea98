#!/usr/bin/env python3
"""How long it takes to compare every two of many checkpoints, beside loops in NumPy and PyTorch.

    Benchmarks/compare_weights.py [--soup .build/release/soup] [--models 100] [--millions 25.6] [--threads N] [--quick]

Makes N checkpoints of the size (a ResNet-50's tensors, scaled) in a temporary folder, reads them once so that the page
cache has them, then times, on equal threads, medians of three runs:
  read     all files once, in 1 MB blocks by N threads: what is paid for reading alone
  soup     soup compare --json of all N (N - 1) / 2 pairs: distance, cosine, angle; and with --base task vectors, signs
  loop     PyTorch: every pair loaded, flattened, torch.dist and cosine, as the published notebook does: K pairs, extrapolated
  matmul   NumPy: all models as one matrix in memory, X @ X.T, if it fits --peer-memory
Peak memory of soup is its maximum resident set. --quick: 12 models of 0.5 million weights.
"""
import argparse, concurrent.futures, json, os, pathlib, shutil, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--soup", default=".build/release/soup")
parser.add_argument("--models", type=int, default=100)
parser.add_argument("--millions", type=float, default=25.6)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--pairs", type=int, default=10, help="pairs of the peer loop that are timed")
parser.add_argument("--peer-memory", type=float, default=8, help="GB that the NumPy matrix may take")
parser.add_argument("--folder", help="where to put the checkpoints (default: a temporary folder)")
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--quick", action="store_true")
options = parser.parse_args()
if options.quick:
    options.models, options.millions, options.runs, options.pairs = 12, 0.5, 1, 4
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(options.threads)

import numpy as np
import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(options.threads)


def shapes():
    """torchvision's resnet50, its widths scaled to the number of weights."""
    scale = (options.millions / 25.557) ** 0.5
    width = lambda n: max(4, round(n * scale))
    result = {"conv1.weight": (width(64), 3, 7, 7), "bn1.weight": (width(64),), "bn1.bias": (width(64),)}
    inside = width(64)
    for stage, (blocks, planes) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)], 1):
        for block in range(blocks):
            name, p, out = f"layer{stage}.{block}", width(planes), width(planes * 4)
            result |= {f"{name}.conv1.weight": (p, inside, 1, 1), f"{name}.conv2.weight": (p, p, 3, 3),
                       f"{name}.conv3.weight": (out, p, 1, 1)}
            for k, n in ((1, p), (2, p), (3, out)):
                result |= {f"{name}.bn{k}.weight": (n,), f"{name}.bn{k}.bias": (n,)}
            if block == 0:
                result[f"{name}.downsample.0.weight"] = (out, inside, 1, 1)
            inside = out
    return result | {"fc.weight": (1000, inside), "fc.bias": (1000,)}


def median(times):
    return sorted(times)[len(times) // 2]


def timed(body):
    times = []
    for _ in range(options.runs):
        start = time.perf_counter()
        result = body()
        times.append(time.perf_counter() - start)
    return median(times), result


folder = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="soup-compare-"))
folder.mkdir(parents=True, exist_ok=True)
try:
    generator = torch.Generator().manual_seed(0)
    base = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes().items()}
    weights = sum(value.numel() for value in base.values())
    models = folder / "models"
    models.mkdir(exist_ok=True)
    # Noise for a model is a piece of one long list that begins elsewhere: as independent, and made once.
    shift = 4099
    noise = 0.01 * torch.randn(weights + options.models * shift, generator=generator)
    save_file(base, folder / "base.safetensors")
    for index in range(options.models):
        path = models / f"{index:03}.safetensors"
        if not path.exists():
            state, start = {}, index * shift
            for name, value in base.items():
                state[name] = value + noise[start : start + value.numel()].reshape(value.shape)
                start += value.numel()
            save_file(state, path)
    del noise
    files = sorted(models.glob("*.safetensors"))
    pairs = options.models * (options.models - 1) // 2
    size = sum(f.stat().st_size for f in files)
    print(f"{options.models} checkpoints of {weights / 1e6:.1f} M weights, {size / 1e9:.2f} GB, {pairs} pairs, "
          f"{options.threads} threads, medians of {options.runs}")

    def read_one(path):
        buffer = bytearray(1 << 20)
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    def read():
        with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
            list(pool.map(read_one, files))

    read()
    reading, _ = timed(read)
    print(f"read      {reading:8.2f} s   {size / reading / 1e9:.1f} GB/s")

    found = {}
    for label, more in (("soup", []), ("+ base", ["--base", str(folder / "base.safetensors")])):
        def soup():
            out = folder / "out.json"
            with open(out, "wb") as target:
                process = subprocess.Popen(
                    [options.soup, "compare", str(models), "--json", "--quiet", "--threads", str(options.threads)] + more,
                    stdout=target)
                # A child's ru_maxrss begins with this process's own size; the high-water mark of its memory does not.
                peak = 0
                while process.poll() is None:
                    try:
                        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                        peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)
                    except (OSError, ValueError):
                        pass
                    time.sleep(0.02)
            if process.returncode:
                sys.exit("soup failed")
            return peak * 1024, out
        taken, (peak, out) = timed(soup)
        found[label] = (taken, json.loads(out.read_text()))
        print(f"{label:9} {taken:8.2f} s   {taken / reading:.2f} x reading   {pairs * weights / taken / 1e9:.1f} G products/s   "
              f"peak {peak / 1e6:.0f} MB")
    ours = found["soup"][0]

    def flat(path):
        return torch.cat([value.flatten() for value in load_file(path).values()])

    chosen = [(i * 7 % options.models, (i * 7 + 3) % options.models) for i in range(options.pairs)]

    def loop():
        result = []
        for a, b in chosen:
            x, y = flat(files[a]), flat(files[b])
            result.append((torch.dist(x, y).item(), torch.nn.functional.cosine_similarity(x, y, dim=0).item()))
        return result

    taken, values = timed(loop)
    whole = taken / len(chosen) * pairs
    print(f"loop      {whole:8.2f} s   (PyTorch, {len(chosen)} pairs extrapolated)   soup is {whole / ours:.0f} x as fast")
    by_pair = {(p["a"], p["b"]): p for p in found["soup"][1]["pairs"]}
    worst = max(abs(by_pair[tuple(sorted((files[a].stem, files[b].stem)))]["l2_distance"] / distance - 1)
                for (a, b), (distance, _) in zip(chosen, values))
    print(f"          largest relative difference of a distance: {worst:.1e}")

    if weights * options.models * 4 < options.peer_memory * 1e9:
        def matmul():
            x = np.stack([flat(path).numpy() for path in files])
            x -= x.mean(0)
            g = x @ x.T
            d = np.diag(g)
            return np.sqrt(np.maximum(d[:, None] + d[None] - 2 * g, 0))
        taken, _ = timed(matmul)
        print(f"matmul    {taken:8.2f} s   (NumPy, all in memory)   soup is {taken / ours:.1f} x as fast")
    else:
        print("matmul    left out: the matrix does not fit --peer-memory")
finally:
    if not options.folder:
        shutil.rmtree(folder)
