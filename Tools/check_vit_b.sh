#!/usr/bin/env bash
# A ViT-B/16 with its MAE decoder, 150 + 104 tensors written by PyTorch under the published names: loads strictly, and its features and
# the loss of one mask are PyTorch's to 1e-4. Needs 2 GB of disk for a while. PYTHON may name a Python with torch and numpy.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
${PYTHON:-python3} Tools/reference_mae.py vit-b "$folder"
SOUP_VIT_B="$folder" ${SWIFT_TEST:-swift test --filter ViTBaseTests}
