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

# From a draw of $RANDOM, 0...32767: log-uniform in [low, high); 0 for the lower half of draws, then up to high.
log_uniform() { awk -v u="$1" -v low="$2" -v high="$3" 'BEGIN { printf "%.2g", low * exp(u / 32768 * log(high / low)) }'; }
half_the_time() { awk -v u="$1" -v high="$2" 'BEGIN { x = u / 16384 - 1; printf "%.2f", (x > 0 ? x * high : 0) }'; }

begin=$SECONDS
say "Base: ResNet-20, two epochs of Fashion-MNIST"
"$soup" train --model resnet20 --data fashion-mnist:data/fashion-mnist --epochs 2 --lr 0.1 --augment crop=2,flip \
  --precision auto --seed "$seed" -o "$runs/base.safetensors"

augmentations=(none flip flip flip crop=1,flip crop=1,flip)
for ((i = 1; i <= ingredients; i++)); do
  # Every ingredient has its own stream, so that more ingredients leave the first ones as they are.
  RANDOM=$((1000 * seed + i))
  draws=($RANDOM $RANDOM $RANDOM $RANDOM $RANDOM $RANDOM)
  lr=$(log_uniform "${draws[1]}" 0.02 0.08)
  wd=$(log_uniform "${draws[2]}" 0.00005 0.001)
  smoothing=$(half_the_time "${draws[3]}" 0.05)
  mixup=$(half_the_time "${draws[4]}" 0.1)
  augmentation=${augmentations[draws[5] % ${#augmentations[@]}]}
  say "Ingredient $i of $ingredients: lr $lr, weight decay $wd, smoothing $smoothing, mixup $mixup, augmentation $augmentation"
  "$soup" train --from "$runs/base.safetensors" --data fashion-mnist:data/fashion-mnist --epochs 1 --lr "$lr" --weight-decay "$wd" \
    --label-smoothing "$smoothing" --mixup "$mixup" --augment "$augmentation" --precision auto --seed "$((1000 * seed + i))" \
    -o "$runs/ingredients/$i.safetensors"
done

say "Tasting (seed $seed): chosen on held-out images, reported on test images"
"$soup" taste "$runs/ingredients" --base "$runs/base.safetensors" --data fashion-mnist:data/fashion-mnist --precision auto \
  -o "$runs/greedy.safetensors" --force
say "$((SECONDS - begin)) s. Checkpoints and logs are in $runs; the greedy soup is $runs/greedy.safetensors"
