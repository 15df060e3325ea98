#!/usr/bin/env bash
# Does each self-supervised objective learn? Trains a small ViT on Fashion-MNIST without labels, from random weights and from a base, and
# prints how well its features tell the classes apart (weighted kNN, linear probe on frozen features) as a table and a curve over steps.
#
#   Tools/check_learning.sh [--steps "100 300 1000"] [--base-steps 300] [--only mae] [--soup PROGRAM] [--folder DIR]
#
# Every point is a run of its own with its own schedule, so curves show what a budget buys. The base is a masked autoencoder of few steps;
# "base" is it, and "from base" the objective trained on from there. Runs that are finished are not repeated: call it again after an
# interruption. Ends with an error if an objective's longest run from random weights is not above them, or from the base not above that.
# Needs data/fashion-mnist (soup data fetch fashion-mnist). About ten minutes on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/.."

steps="100 300 1000" base_steps=300 only="" soup=.build/release/soup folder=runs/check-learning data=fashion-mnist:data/fashion-mnist
while [ $# -gt 0 ]; do
  case $1 in
    --steps) steps=$2 ;;
    --base-steps) base_steps=$2 ;;
    --only) only=$2 ;;
    --soup) soup=$2 ;;
    --folder) folder=$2 ;;
    --data) data=$2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
  shift 2
done
mkdir -p "$folder"
model=vit:dim=96,depth=4,heads=3,patch=7,classes=0
longest=${steps##* }

# objective → its options
options() {
  case $1 in
    mae) echo "--objective mae --decoder-width 64 --decoder-depth 1 --decoder-heads 2 --norm-pixels" ;;
    mocov3) echo "--objective mocov3 --projector 512,512,128 --predictor 512,128 --augment 3-augment" ;;
    mmcr) echo "--objective mmcr --projector 512,128 --augment 3-augment" ;;
    lejepa) echo "--objective lejepa --projector 256,256,32 --slices 256 --global-views 2 --local-views 2 --augment lejepa" ;;
  esac
}

# train NAME OBJECTIVE STEPS [more options]
train() {
  local name=$1 objective=$2 count=$3
  shift 3
  # shellcheck disable=SC2046
  "$soup" train --data "$data" $(options "$objective") --steps "$count" --batch-size 256 --optimizer adamw --lr 1e-3 \
    --weight-decay 0.05 --warmup-fraction 0.1 --clip-norm 1 --precision auto --held-out 0.1 --seed 1 --quiet \
    -o "$folder/$name.safetensors" --log "$folder/$name.jsonl" "$@"
}

# judge NAME: kNN on the test images, and a probe's, as "knn probe"
judge() {
  local name=$1
  if [ ! -s "$folder/$name.score" ]; then
    "$soup" evaluate "$folder/$name.safetensors" --data "$data" --knn --knn-images 10000 --precision auto --json --quiet \
      > "$folder/$name.knn.json"
    "$soup" probe "$folder/$name.safetensors" --data "$data" --epochs 10 --lr 1e-3,1e-2,3e-2 --precision auto --force --quiet \
      -o "$folder/$name.probed.safetensors"
    "$soup" evaluate "$folder/$name.probed.safetensors" --data "$data" --precision auto --json --quiet > "$folder/$name.probe.json"
    python3 - "$folder/$name" << 'P' > "$folder/$name.score.new"
import json, sys
print(*(round(100 * json.loads(open(f"{sys.argv[1]}.{kind}.json").readline())["score"]["top1"], 2) for kind in ("knn", "probe")))
P
    mv "$folder/$name.score.new" "$folder/$name.score"
  fi
  cat "$folder/$name.score"
}

# A step at a rate of nothing: the first values of the weights, as they are.
train random mae 1 --model $model --lr 1e-12 --weight-decay 0
random=$(judge random)
train base mae "$base_steps" --model $model
base=$(judge base)

echo
printf '%-8s %-12s %8s %8s %8s\n' objective start steps "kNN %" "probe %"
printf '%-8s %-12s %8s %8s %8s\n' - random 0 $random
printf '%-8s %-12s %8s %8s %8s\n' - base "$base_steps" $base
curves="" failed=0
for objective in mae mocov3 mmcr lejepa; do
  if [ -n "$only" ] && [ "$only" != "$objective" ]; then continue; fi
  for start in random base; do
    from="--model $model" first=$random curve=""
    if [ $start = base ]; then from="--from $folder/base.safetensors" first=$base; fi
    for count in $steps; do
      # From the base one length is enough.
      if [ $start = base ] && [ "$count" != "$longest" ]; then continue; fi
      # shellcheck disable=SC2086
      train "$objective-$start-$count" "$objective" "$count" $from
      score=$(judge "$objective-$start-$count")
      # shellcheck disable=SC2086
      printf '%-8s %-12s %8s %8s %8s\n' "$objective" "$start" "$count" $score
      curve="$curve $count:${score% *}"
    done
    curves="$curves$objective from $start: 0:${first% *}$curve"$'\n'
    for column in 1 2; do
      if ! python3 -c 'import sys; sys.exit(float(sys.argv[1]) <= float(sys.argv[2]))' \
        "$(cut -d' ' -f$column <<< "$score")" "$(cut -d' ' -f$column <<< "$first")"; then
        echo "$objective from $start is not above its start ($first)" >&2
        failed=1
      fi
    done
  done
done
echo
echo "kNN % by steps"
python3 - << P
lines = """$curves""".strip().splitlines()
points = {name: [tuple(map(float, p.split(":"))) for p in rest.split()] for name, rest in (l.split(": ") for l in lines)}
low = min(v for c in points.values() for _, v in c)
high = max(v for c in points.values() for _, v in c)
for name, curve in points.items():
    for steps, value in curve:
        bar = "#" * (1 + round(40 * (value - low) / max(high - low, 1e-9)))
        print(f"{name:20} {int(steps):6} {value:6.2f} {bar}")
P
exit $failed
