#!/usr/bin/env bash
# Opens a report in a real headless Chromium and looks at it: no console error, nothing fetched, every figure drawn, a
# tooltip where a mark is pointed at, nothing wider than a phone. Leaves screenshots (light, dark, phone).
#   Tools/check_report.sh REPORT.html [SCREENSHOT-FOLDER]
# CHROMIUM=/path names the browser; otherwise Debian's `chromium` is used, and fetched where it is missing: installed for
# root, unpacked below .deps/chromium for others.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] && [ -e "$1" ] || { echo "usage: Tools/check_report.sh REPORT.html [SCREENSHOT-FOLDER]" >&2; exit 2; }
page=$(realpath "$1")
shots=${2:-$(dirname "$page")/screenshots}
mkdir -p "$shots"

fetch_chromium() {
  command -v apt-get >/dev/null || { echo "check_report: no chromium here; name one by CHROMIUM=/path" >&2; exit 3; }
  echo "check_report: fetching chromium" >&2
  if [ "$(id -u)" = 0 ]; then
    { apt-cache show chromium || apt-get -qq update; } >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null
    return
  fi
  local root=$PWD/.deps/chromium state=()
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/deb"
  if ! apt-cache show chromium >/dev/null 2>&1; then
    state=(-o "Dir::State::Lists=$root/lists" -o "Dir::Cache=$root/cache")
    apt-get -qq "${state[@]}" update
  fi
  # What an installation would add to this system, without installing it.
  apt-get "${state[@]}" -qq --no-install-recommends --print-uris -y install chromium fonts-dejavu-core |
    sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" | (cd "$root/deb" && xargs apt-get "${state[@]}" -qq download)
  for package in "$root"/deb/*.deb; do dpkg-deb -x "$package" "$root"; done
  rm -rf "$root/deb" "$root/lists" "$root/cache"
}

find_chromium() {
  local unpacked=$PWD/.deps/chromium
  for browser in "${CHROMIUM:-}" "$(command -v chromium || true)" "$(command -v google-chrome || true)" "$unpacked/usr/lib/chromium/chromium"; do
    [ -n "$browser" ] && [ -x "$browser" ] && { echo "$browser"; return; }
  done
  return 1
}
browser=$(find_chromium) || { fetch_chromium; browser=$(find_chromium); }
case $browser in
  "$PWD"/.deps/*)
    libraries=$(find "$PWD/.deps/chromium" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    ;;
esac
exec python3 Tools/check_report.py "$browser" "$page" "$shots"
