#!/usr/bin/env bash
# Trains and evaluates ResNet-20 and a small ViT, ours against the same models in eager PyTorch, taking turns in one run.
#
#   Benchmarks/run.sh [options of compare.py]
#
# PyTorch comes from PEER_PYTHON if set, else from .venv-bench, which is made on the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

python=${PEER_PYTHON:-.venv-bench/bin/python}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
  if [[ -n ${PEER_PYTHON:-} ]]; then
    say "run.sh: PEER_PYTHON=$PEER_PYTHON cannot import torch and numpy"
    exit 1
  fi
  say "run.sh: making .venv-bench with PyTorch (once)"
  python3 -m venv .venv-bench
  .venv-bench/bin/pip install --quiet numpy safetensors
  # The CPU build where it is to be had; on macOS and Arm the plain wheel is one.
  .venv-bench/bin/pip install --quiet torch==2.13.0+cpu 2>/dev/null ||
    .venv-bench/bin/pip install --quiet torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
    .venv-bench/bin/pip install --quiet torch==2.13.0
fi

swift build -c release --product soup-bench >&2
mkdir -p .build/bench
"${CC:-cc}" -O3 -march=native -pthread Benchmarks/peak.c -o .build/bench/peak

exec "$python" Benchmarks/compare.py .build/release/soup-bench .build/bench/peak --json .build/bench/results.json "$@"
