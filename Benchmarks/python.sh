# Sourced by the benchmarks: sets `python` to a Python with PyTorch, PEER_PYTHON if set, else that of .venv-bench, which is made
# on the first run.

say() { printf '%s\n' "$*" >&2; }

python=${PEER_PYTHON:-.venv-bench/bin/python}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
  if [[ -n ${PEER_PYTHON:-} ]]; then
    say "benchmarks: PEER_PYTHON=$PEER_PYTHON cannot import torch and numpy"
    exit 1
  fi
  say "benchmarks: making .venv-bench with PyTorch (once)"
  python3 -m venv .venv-bench
  .venv-bench/bin/pip install --quiet numpy safetensors
  # The CPU build where it is to be had; on macOS and Arm the plain wheel is one.
  .venv-bench/bin/pip install --quiet torch==2.13.0+cpu 2>/dev/null ||
    .venv-bench/bin/pip install --quiet torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
    .venv-bench/bin/pip install --quiet torch==2.13.0
fi
