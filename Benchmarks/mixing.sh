#!/usr/bin/env bash
# Mixing, side by side: ours, a plain C loop over mapped files, PyTorch and mergekit, on 8 checkpoints of ViT-B's size.
#
#   Benchmarks/mixing.sh [--only linear,ties,…,scaling,large,check] [--dtypes float32,bfloat16] [--repeat 5]
#
# Inputs, peers and outputs lie in SOUP_BENCH_DIR (default: ~/.cache/soup-bench; about 7 GB, and 20 GB more for a while).
# mergekit 0.1.5 and PyTorch are installed there on the first run; NO_MERGEKIT=1 leaves mergekit out.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${SOUP_BENCH_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/soup-bench}
venv=${SOUP_BENCH_VENV:-$work/venv}
mkdir -p "$work"
say() { printf 'mixing.sh: %s\n' "$*" >&2; }

if ! "$venv/bin/python" -c 'import torch, numpy, safetensors' 2>/dev/null ||
  { [[ -z ${NO_MERGEKIT:-} ]] && [[ ! -x $venv/bin/mergekit-pytorch ]]; }; then
  say "making $venv with PyTorch and mergekit (once)"
  python3 -m venv "$venv"
  # The CPU build where it is to be had; on macOS and Arm the plain wheel is one.
  "$venv/bin/pip" install --quiet torch==2.13.0+cpu 2>/dev/null ||
    "$venv/bin/pip" install --quiet torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
    "$venv/bin/pip" install --quiet torch==2.13.0
  "$venv/bin/pip" install --quiet numpy safetensors
  [[ -n ${NO_MERGEKIT:-} ]] || "$venv/bin/pip" install --quiet mergekit==0.1.5
fi

for dtype in float32 bfloat16; do
  if [[ ! -e $work/$dtype/m8.safetensors ]]; then
    say "writing 8 models of $dtype (once)"
    rm -rf "$work/$dtype.unfinished"
    "$venv/bin/python" Benchmarks/mixing/inputs.py "$work/$dtype.unfinished" --dtype $dtype
    mv "$work/$dtype.unfinished" "$work/$dtype"
  fi
  cat "$work/$dtype"/*.safetensors >/dev/null # into the page cache
done

swift build -c release --product soup >&2
mkdir -p .build/bench
"${CC:-cc}" -O3 -march=native -pthread Benchmarks/mixing/loop.c -o .build/bench/loop

mergekit=()
[[ -n ${NO_MERGEKIT:-} ]] || mergekit=(--mergekit "$venv/bin/mergekit-pytorch")
exec "$venv/bin/python" Benchmarks/mixing/compare.py --soup .build/release/soup --loop .build/bench/loop \
  --python "$venv/bin/python" "${mergekit[@]}" --work "$work" --threads "$(getconf _NPROCESSORS_ONLN)" \
  --json .build/bench/mixing.json "$@"
