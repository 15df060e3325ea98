#!/usr/bin/env bash
# The central result of Model soups (Wortsman et al., 2022) on Fashion-MNIST, in minutes: one base, seven fine-tunings of it with
# random hyperparameters, their soups and ensemble, in one table and one page (Studies/demo.yaml). Stop it at any moment; run
# again, it goes on where it was.
#   RUNS=folder   where checkpoints, logs and the report go (runs/demo by default)
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-runs/demo}
soup=${SOUP:-.build/release/soup}

"$soup" study run Studies/demo.yaml --folder "$runs"
"$soup" report Studies/demo.yaml --folder "$runs"
