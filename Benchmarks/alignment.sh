#!/usr/bin/env bash
# Aligning two ResNet-50, ours against NumPy and SciPy in one run.
#
#   Benchmarks/alignment.sh [--quick] [--rounds N] [--threads N]
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=Benchmarks/python.sh
source Benchmarks/python.sh

if ! "$python" -c 'import scipy' 2>/dev/null; then
  [[ -z ${PEER_PYTHON:-} ]] || { say "benchmarks: PEER_PYTHON=$PEER_PYTHON cannot import scipy"; exit 1; }
  "$python" -m pip install --quiet scipy
fi
swift build -c release --product soup >&2
"$python" Benchmarks/alignment.py .build/release/soup "$@"
