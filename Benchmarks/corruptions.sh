#!/usr/bin/env bash
# Image corruptions, side by side: milliseconds for a photograph of 224 pixels at severity 3, ours and imagecorruptions', on one
# thread, and ours on all cores.
#
#   Benchmarks/corruptions.sh [--json FILE] [--seconds 0.5]
#
# The peer lives in a virtual environment (SOUP_CORRUPTIONS_VENV, default .venv-corruptions), made on the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product soup-corruptions >&2
exec python3 Benchmarks/corruptions.py .build/release/soup-corruptions "$@"
