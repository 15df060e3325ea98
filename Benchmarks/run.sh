#!/usr/bin/env bash
# Trains and evaluates ResNet-20 and a small ViT, ours against the same models in eager PyTorch, taking turns in one run.
#
#   Benchmarks/run.sh [options of compare.py]
#
# PyTorch comes from PEER_PYTHON if set, else from .venv-bench, which is made on the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=Benchmarks/python.sh
source Benchmarks/python.sh

swift build -c release --product soup-bench >&2
mkdir -p .build/bench
"${CC:-cc}" -O3 -march=native -pthread Benchmarks/peak.c -o .build/bench/peak

exec "$python" Benchmarks/compare.py .build/release/soup-bench .build/bench/peak --json .build/bench/results.json "$@"
