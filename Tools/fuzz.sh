#!/usr/bin/env bash
# Fuzzes every parser of checkpoint files (safetensors headers, zip archives, pickles, old PyTorch files, NumPy, indices) and of
# data sets (array: NumPy, tar, IDX, JPEG and PNG).
#
#   Tools/fuzz.sh [seconds for each parser, default 600] [parser …]
#
# Built apart (.build/fuzz), with the address and fuzzer sanitizers. Ends with 1 when a parser crashed, hung for 10 s, or
# took more than 1 GB; the input is then in .build/fuzz-corpus/<parser>/.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
parsers=("$@")
[ ${#parsers[@]} -gt 0 ] || parsers=(safetensors archive pickle legacy npy index array tar idx image)

export SOUP_FUZZ=1 LIBTORCH=none
# Swift's own choice for the fuzzer, guards, is one that libFuzzer no longer looks at: without the last option it runs blind.
build=(swift build -c release --scratch-path .build/fuzz --product soup-fuzz --sanitize=address --sanitize=fuzzer
  -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp)
"${build[@]}"
program=$("${build[@]}" --show-bin-path)/soup-fuzz

fixtures=Tests/Fixtures/checkpoints
failed=()
for parser in "${parsers[@]}"; do
  corpus=.build/fuzz-corpus/$parser
  mkdir -p "$corpus/found" "$corpus/seeds"
  case $parser in
    safetensors)
      for file in "$fixtures"/*.safetensors; do
        cp "$file" "$corpus/seeds/"
        # The JSON alone, which the fuzzer gives a right length.
        python3 - "$file" "$corpus/seeds/$(basename "$file").json" <<'PY'
import struct, sys
data = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(data[8:8 + struct.unpack("<Q", data[:8])[0]])
PY
      done ;;
    archive) cp "$fixtures"/formats/*.npz "$corpus/seeds/"; for f in zip deflated big training; do cp "$fixtures/formats/$f.pt" "$corpus/seeds/"; done ;;
    pickle)
      for file in "$fixtures"/formats/{zip,protocol4,protocol5,training,module,several,tensor}.pt; do
        unzip -p "$file" '*/data.pkl' > "$corpus/seeds/$(basename "$file").pkl"
      done ;;
    legacy) cp "$fixtures"/formats/*legacy*.pt "$corpus/seeds/" ;;
    npy)
      cp "$fixtures"/formats/*.npy "$corpus/seeds/"
      unzip -qo "$fixtures/formats/stored.npz" -d "$corpus/seeds/" ;;
    array) cp "$fixtures"/formats/*.npy "$corpus/seeds/" ;;
    tar)
      printf 'pixels' > "$corpus/1.jpg" && printf '3' > "$corpus/1.cls"
      for format in ustar gnu pax; do tar --format=$format -C "$corpus" -cf "$corpus/seeds/$format.tar" 1.jpg 1.cls; done ;;
    idx)
      printf '\0\0\10\1\0\0\0\3abc' > "$corpus/seeds/labels"
      printf '\0\0\10\3\0\0\0\1\0\0\0\2\0\0\0\2abcd' > "$corpus/seeds/images"
      for f in labels images; do gzip -kf "$corpus/seeds/$f"; done ;;
    image)
      python3 - "$corpus/seeds" <<'PY'
import base64, json, sys
for entry in json.load(open("Tests/Fixtures/images/pillow.json"))["decode"]:
    open(f"{sys.argv[1]}/{entry['name']}", "wb").write(base64.b64decode(entry["file"]))
PY
      ;;
    index) cp "$fixtures"/formats/sharded-*/*.index.json "$corpus/seeds/" ;;
  esac
  echo "== $parser, $seconds s"
  SOUP_FUZZ_PARSER=$parser "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=16384 \
    -use_value_profile=1 -print_final_stats=1 -verbosity=0 -artifact_prefix="$corpus/" "$corpus/found" "$corpus/seeds" ||
    failed+=("$parser")
  # Once more without mutations, only to say how many edges of the code all inputs together reach.
  SOUP_FUZZ_PARSER=$parser "$program" -runs=0 "$corpus/found" "$corpus/seeds" 2>&1 | grep -oE 'DONE +cov: [0-9]+' || true
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
echo "no crash, no hang, no unbounded allocation"
