#!/usr/bin/env python3
"""Times mixing side by side: ours, a plain C loop, PyTorch, mergekit. Called by Benchmarks/mixing.sh.

Every row is one process from start to end, with wall time and the largest anonymous memory it had (RssAnon, sampled every
5 ms). Programs take turns, `--repeat` times; the smallest time counts, for all of them. mergekit is run once a method.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

METHODS = {
    # name: (our options, mergekit's parameters of a model, of the recipe, models, needs a base)
    "linear": ([], {"weight": 1.0}, {}, 8, False),
    "task_arithmetic": (["--weights", "0.3"], {"weight": 0.3}, {}, 8, True),
    "ties": (["--weights", "1", "--density", "0.5"], {"weight": 1.0, "density": 0.5}, {"normalize": True}, 8, True),
    "dare_linear": (["--weights", "0.3", "--density", "0.5"], {"weight": 0.3, "density": 0.5}, {}, 8, True),
    "slerp": ([], {}, {"t": 0.4}, 2, True),
    "model_stock": ([], {}, {}, 8, True),
}
AIMS = {"linear": 15, "ties": 30}


def run(command, log=None):
    """Wall seconds, and the most anonymous bytes of the process and its children."""
    start = time.perf_counter()
    process = subprocess.Popen([str(c) for c in command], stdout=log or subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        peak = max(peak, int(line.split()[1]) * 1024)
        except OSError:
            pass
        time.sleep(0.005)
    seconds = time.perf_counter() - start
    errors = process.stderr.read().decode(errors="replace")
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{errors[-2000:]}")
    return seconds, peak


def drop(path):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


class Bench:
    def __init__(self, options):
        self.options = options
        self.rows = []
        self.output = options.work / "out"
        self.output.mkdir(parents=True, exist_ok=True)

    def best(self, programs):
        """Programs take turns; for each, the least time and the most memory."""
        found = {}
        for turn in range(self.options.repeat):
            for name, (command, once) in programs.items():
                if once and turn > 0:
                    continue
                drop(self.output / "soup.safetensors")
                drop(self.output / "soup.lock")
                seconds, memory = run(command)
                before = found.get(name, (float("inf"), 0))
                found[name] = (min(before[0], seconds), max(before[1], memory))
        drop(self.output / "soup.safetensors")
        return found

    def recipe(self, method, folder, dtype):
        _, model, whole, count, needs_base = METHODS[method]
        lines = [f"merge_method: {method}", f"dtype: {dtype}"]
        names = [f"m{i}" for i in range(1, count + 1)]
        if method == "slerp":
            names, base = ["m1", "m2"], "m1"
        else:
            base = "base"
        if needs_base:
            lines.append(f"base_model: {folder / base}.safetensors")
        lines.append("models:")
        for name in names:
            lines.append(f"  - model: {folder / name}.safetensors")
            lines.append(f"    parameters: {json.dumps(model)}")
        if whole:
            lines.append(f"parameters: {json.dumps(whole)}")
        path = self.options.work / f"{method}.{dtype}.yml"
        path.write_text("\n".join(lines) + "\n")
        return path, [folder / f"{name}.safetensors" for name in names]

    def method(self, method, dtype):
        options = self.options
        folder = options.work / dtype
        recipe, models = self.recipe(method, folder, dtype)
        soup = self.output / "soup.safetensors"
        # The others hash nothing; what it costs is in the rows with SHA-256.
        hashing = [options.soup, "mix", recipe, "-o", soup, "--force", "-q"]
        ours = hashing + ["--lock", "none"]
        programs = {"soup": (ours, False)}
        if method == "linear":
            programs["C loop"] = ([options.loop, dtype, str(options.threads), soup, *models], False)
            # Nothing known from before; and the ingredients' hashes known, as when they are mixed again.
            programs["soup, SHA-256"] = (["env", "-u", "XDG_CACHE_HOME", "HOME=", *hashing], False)
            programs["soup, known"] = (["env", f"XDG_CACHE_HOME={self.output / 'cache'}", *hashing], False)
            programs["soup, mapped"] = (ours + ["--io", "mmap"], False)
            programs["PyTorch"] = ([options.python, pathlib.Path(__file__).parent / "torch_mean.py", soup, *models], True)
        if options.mergekit:
            # mergekit-pytorch writes into a folder.
            target = self.output / "mergekit"
            programs["mergekit"] = ([options.mergekit, recipe, target, "--random-seed", "0"], True)
        found = self.best(programs)
        drop(self.output / "mergekit")
        for name, (seconds, memory) in found.items():
            base = found["soup"][0]
            row = {"method": method, "dtype": dtype, "program": name, "seconds": round(seconds, 3),
                   "memory": memory, "ratio": round(seconds / base, 2)}  # fmt: skip
            if name == "mergekit":
                row["aim"] = AIMS.get(method, 10)
            self.add(row)

    def scaling(self, dtype):
        folder = self.options.work / dtype
        models = [folder / f"m{i}.safetensors" for i in range(1, 9)]
        for count in (2, 4, 8, 16, 32):
            # More than eight are the eight again under other names: the bytes are read as often.
            chosen = []
            for index in range(count):
                path = self.output / f"n{index}.safetensors"
                drop(path)
                path.symlink_to(models[index % 8])
                chosen.append(path)
            command = [self.options.soup, "mix", *chosen, "-o", self.output / "soup.safetensors", "--force", "-q",
                       "--lock", "none"]  # fmt: skip
            seconds, memory = self.best({"soup": (command, False)})["soup"]
            size = sum(path.stat().st_size for path in chosen)
            self.add({"method": f"linear of {count}", "dtype": dtype, "program": "soup", "seconds": round(seconds, 3),
                      "memory": memory, "GB/s": round(size / seconds / 1e9, 2)})  # fmt: skip
            for path in chosen:
                drop(path)

    def large(self):
        maker = pathlib.Path(__file__).parent / "sharded.py"
        folder = self.options.work / "large"
        run([sys.executable, maker, folder, "--gigabytes", str(self.options.gigabytes), "--models", "2"])
        target = self.output / "large"
        drop(target)
        command = [self.options.soup, "mix", folder / "model0", folder / "model1", "-o", target, "-q", "--lock", "none"]
        seconds, memory = run(command)
        drop(target)
        self.add({"method": f"linear of 2 x {self.options.gigabytes:g} GB in shards", "dtype": "bfloat16", "program": "soup",
                  "seconds": round(seconds, 1), "memory": memory,
                  "GB/s": round(2 * self.options.gigabytes / seconds, 2)})  # fmt: skip
        drop(folder)

    def check(self):
        maker = pathlib.Path(__file__).parent / "sharded.py"
        folder = self.options.work / "headers"
        run([sys.executable, maker, folder, "--gigabytes", "137", "--shards", "30", "--models", "3"])
        command = [self.options.soup, "check", *(folder / f"model{i}" for i in range(3)), "-q"]
        best = min(run(command) for _ in range(self.options.repeat))
        self.add({"method": "check of 3 x 70B, 30 shards", "dtype": "bfloat16", "program": "soup",
                  "seconds": round(best[0], 3), "memory": best[1]})  # fmt: skip
        drop(folder)

    def add(self, row):
        self.rows.append(row)
        ratio = f"{row['ratio']:8.2f} x" if "ratio" in row else f"{row.get('GB/s', 0):6.2f} GB/s" if "GB/s" in row else " " * 10
        aim = f"  (aim {row['aim']} x)" if "aim" in row else ""
        print(f"{row['method']:34} {row['dtype']:9} {row['program']:14} {row['seconds']:8.3f} s "
              f"{row['memory'] / 1e6:8.1f} MB {ratio}{aim}", flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--soup", type=pathlib.Path, required=True)
    parser.add_argument("--loop", type=pathlib.Path, required=True)
    parser.add_argument("--python", type=pathlib.Path, required=True)
    parser.add_argument("--mergekit", type=pathlib.Path, help="mergekit-pytorch; left out: not run")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--only", help="methods and parts, with commas: " + ", ".join([*METHODS, "scaling", "large", "check"]))
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    parts = options.only.split(",") if options.only else [*METHODS, "scaling", "large", "check"]
    unknown = [part for part in parts if part not in [*METHODS, "scaling", "large", "check"]]
    if unknown:
        parser.error(f"--only: {', '.join(unknown)}?")
    bench = Bench(options)
    print(f"{'':34} {'':9} {'':14} {'wall':>10} {'anonymous':>11}   time / ours")
    for dtype in options.dtypes.split(","):
        for part in parts:
            if part in METHODS:
                bench.method(part, dtype)
        if "scaling" in parts:
            bench.scaling(dtype)
    if "large" in parts:
        bench.large()
    if "check" in parts:
        bench.check()
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(bench.rows, indent=1) + "\n")
    drop(bench.output)


main()
