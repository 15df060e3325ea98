#!/usr/bin/env bash
# Soups of pairs per second, and learned soups by layer, ours against PyTorch in one run.
#
#   Benchmarks/soups.sh              # small: minutes
#   Benchmarks/soups.sh --full       # 72 ingredients, more turns
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=Benchmarks/python.sh
source Benchmarks/python.sh

swift build -c release --product soup >&2
swift build -c release --product soup-torch >&2
soup=.build/release/soup

if [[ ${1:-} == --full ]]; then
  "$python" Benchmarks/pairs.py $soup --models 6 --rounds 5
  "$python" Benchmarks/pairs.py $soup --architecture cifar-resnet50 --images 1000 --models 3
  "$python" Benchmarks/learned.py $soup --ingredients 72
  "$python" Benchmarks/learned.py $soup --ingredients 72 --precision bf16
else
  "$python" Benchmarks/pairs.py $soup
  "$python" Benchmarks/pairs.py $soup --architecture cifar-resnet50 --images 256 --models 2 --rounds 1
  "$python" Benchmarks/learned.py $soup --ingredients 16 --rounds 2
fi
