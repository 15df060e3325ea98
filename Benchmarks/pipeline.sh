#!/usr/bin/env bash
# The training pipeline, side by side: JPEG files of 500 × 375, random resized crop to 224 (bicubic), 3-Augment, normalized float32
# batches; ours and a PyTorch DataLoader with Pillow, with as many threads or worker processes as there are cores.
#
#   Benchmarks/pipeline.sh [--seconds 8] [--files 512] [--json FILE]
#
# The peer lives in a virtual environment (SOUP_PIPELINE_VENV, default .venv-pipeline), made on the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${SOUP_PIPELINE_VENV:-.venv-pipeline}
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q torch --index-url https://download.pytorch.org/whl/cpu
  "$venv/bin/pip" install -q numpy 'pillow<13' scikit-image scikit-learn
fi
swift build -c release --product soup-pipeline >&2
exec "$venv/bin/python" Benchmarks/pipeline.py .build/release/soup-pipeline "$@"
