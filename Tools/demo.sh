#!/usr/bin/env bash
# The central result of Model soups (Wortsman et al., 2022) on Fashion-MNIST, in minutes: one base, several fine-tunings of it
# with random hyperparameters, and the soups of their weights. Stop it at any moment; run again, it goes on where it was.
#   SEED=7        other hyperparameters (0 by default)
#   INGREDIENTS=9 more of them (7 by default)
#   RUNS=folder   where checkpoints and logs go (runs/demo-SEED by default)
set -euo pipefail
cd "$(dirname "$0")/.."
seed=${SEED:-0}
ingredients=${INGREDIENTS:-7}
runs=${RUNS:-runs/demo-$seed}
soup=${SOUP:-.build/release/soup}
mkdir -p "$runs/ingredients"

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
[ -t 2 ] || say() { printf '\n%s\n' "$*" >&2; }

# Draws from [0, 1), and on a logarithmic scale from [low, high).
RANDOM=$seed
uniform() { echo "$RANDOM" | awk '{ print $1 / 32768 }'; }
log_uniform() { awk -v u="$(uniform)" -v low="$1" -v high="$2" 'BEGIN { printf "%.2g", low * exp(u * log(high / low)) }'; }
linear() { awk -v u="$(uniform)" -v low="$1" -v high="$2" 'BEGIN { printf "%.2f", low + u * (high - low) }'; }

begin=$SECONDS
say "Base: ResNet-20, two epochs of Fashion-MNIST"
"$soup" train --model resnet20 --data fashion-mnist:data/fashion-mnist --epochs 2 --lr 0.1 --augment crop=2,flip \
  --precision auto --seed "$seed" -o "$runs/base.safetensors"

augmentations=(none flip crop=1,flip crop=2,flip crop=2,flip,cutout=6)
for ((i = 1; i <= ingredients; i++)); do
  # $RANDOM does not survive the subshell of $(…): every draw below advances it by one here, too.
  lr=$(log_uniform 0.004 0.06); RANDOM=$RANDOM
  wd=$(log_uniform 0.00002 0.003); RANDOM=$RANDOM
  smoothing=$(linear 0 0.2); RANDOM=$RANDOM
  mixup=$(linear 0 0.3); RANDOM=$RANDOM
  augmentation=${augmentations[RANDOM % ${#augmentations[@]}]}
  say "Ingredient $i of $ingredients: lr $lr, weight decay $wd, smoothing $smoothing, mixup $mixup, augmentation $augmentation"
  "$soup" train --from "$runs/base.safetensors" --data fashion-mnist:data/fashion-mnist --epochs 1 --lr "$lr" --weight-decay "$wd" \
    --label-smoothing "$smoothing" --mixup "$mixup" --augment "$augmentation" --precision auto --seed "$((1000 * seed + i))" \
    -o "$runs/ingredients/$i.safetensors"
done

say "Tasting (seed $seed): chosen on held-out images, reported on test images"
"$soup" taste "$runs/ingredients" --base "$runs/base.safetensors" --data fashion-mnist:data/fashion-mnist --precision auto \
  -o "$runs/greedy.safetensors" --force
say "$((SECONDS - begin)) s. Checkpoints and logs are in $runs; the greedy soup is $runs/greedy.safetensors"
