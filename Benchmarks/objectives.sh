#!/usr/bin/env bash
# Training steps of the self-supervised objectives, `soup train` against eager PyTorch, taking turns in one run.
#
#   Benchmarks/objectives.sh [options of objectives.py]
#
# PyTorch comes from PEER_PYTHON if set, else from .venv-bench, which is made on the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=Benchmarks/python.sh
source Benchmarks/python.sh

swift build -c release --product soup >&2
swift build -c release --product soup-torch >&2
mkdir -p .build/bench

exec "$python" Benchmarks/objectives.py --json .build/bench/objectives.json "$@"
