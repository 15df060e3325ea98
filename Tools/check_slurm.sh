#!/usr/bin/env bash
# A real Slurm on this machine runs a small study as job arrays; one task is killed on the way, and tried again. Installs
# slurm-wlm and munge, so it needs root; without, it says so and is content. Ends the daemons that it started.
#   SOUP=path     the soup to test (.build/release/soup)
#   REAL=1        train really (needs a build with LibTorch, and Fashion-MNIST); else a stand-in takes the commands
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
if [ "$(id -u)" != 0 ]; then
  echo "check_slurm: skipped: installing and starting Slurm needs root"
  exit 0
fi
soup=$(realpath "${SOUP:-.build/release/soup}")
folder=$(mktemp -d /tmp/soup-slurm.XXXXXX)
say() { printf 'check_slurm: %s\n' "$*" >&2; }
fail() {
  say "FAILED: $*"
  tail -n 20 "$folder"/log/*.log "$folder"/study.log 2>/dev/null >&2 || true
  exit 1
}

if ! command -v slurmctld >/dev/null || ! command -v munged >/dev/null; then
  say "installing slurm-wlm and munge"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -qq -y --no-install-recommends slurm-wlm munge >"$folder/apt.log" 2>&1 ||
    { apt-get update -qq && apt-get install -qq -y --no-install-recommends slurm-wlm munge >"$folder/apt.log" 2>&1; } ||
    fail "Slurm cannot be installed: $(tail -1 "$folder/apt.log")"
fi

# --- A cluster of one ---------------------------------------------------------------------------------------------------

host=$(hostname -s)
mkdir -p "$folder"/{log,state,spool,munge}
chmod 755 "$folder"
export SLURM_CONF=$folder/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=soup
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
head -c 1024 /dev/urandom >"$folder/munge/key"
chown -R munge: "$folder/munge" 2>/dev/null || true
chmod 700 "$folder/munge"
chmod 400 "$folder/munge/key"
# Its socket's folder must be open to those who talk to it.
chmod 711 "$folder/munge"

pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for file in slurmd slurmctld munged; do
    [ ! -e "$folder/$file.pid" ] || kill "$(cat "$folder/$file.pid")" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  [ -n "${KEEP:-}" ] && say "kept: $folder" || rm -rf "$folder"
}
trap cleanup EXIT
setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force --key-file="$folder/munge/key" \
  --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" \
  >"$folder/log/munged.log" 2>&1 &
pids+=($!)
for ((i = 0; i < 50; i++)); do [ -S "$folder/munge/socket" ] && break || sleep 0.1; done
[ -S "$folder/munge/socket" ] || fail "munge does not start"
slurmctld -D -i >"$folder/log/ctld.out.log" 2>&1 &
pids+=($!)
slurmd -D >"$folder/log/d.out.log" 2>&1 &
pids+=($!)
for ((i = 0; i < 100; i++)); do sinfo -h -o %t 2>/dev/null | grep -q idle && break || sleep 0.2; done
sinfo -h -o %t 2>/dev/null | grep -q idle || fail "the node does not come up"
say "$(sinfo --version) is up"

# --- The study ----------------------------------------------------------------------------------------------------------

cd "$folder"
arguments=()
if [ -n "${REAL:-}" ]; then
  ln -s "$root/data" data
  cp "$root/Studies/demo.yaml" study.yaml
else
  export FAKE_SECONDS=1.5
  cat >soup.sh <<SH
#!/bin/sh
if [ "\$1" = study ]; then exec "$soup" "\$@"; fi
exec "$root/Tests/Fixtures/studies/fake-soup" "\$@"
SH
  chmod +x soup.sh
  arguments+=(--program "$folder/soup.sh")
  cat >study.yaml <<'YAML'
base: {model: resnet20, epochs: 1}
ingredients:
  count: 4
  settings:
    lr: {log-uniform: [0.01, 0.1]}
soups: [best, uniform, greedy]
ensembles: [ensemble]
YAML
fi
say "running the study as job arrays"
"$soup" study run study.yaml --slurm --poll 1 "${arguments[@]}" >table 2>study.log &
study=$!

# The first ingredient that runs loses its job to signal 9: no result is written, nothing is said.
victim=
for ((i = 0; i < 1200; i++)); do
  for line in runs/study/runs/ingredient-0?-*/attempts.jsonl; do
    [ -e "$line" ] && [ "$(wc -l <"$line")" = 1 ] && victim=$(dirname "$line") && break 2
  done
  kill -0 $study 2>/dev/null || break
  sleep 0.1
done
[ -n "$victim" ] || fail "no ingredient was ever run"
task=$(sed -n 's/.*"slurm":"\([0-9_]*\)".*/\1/p' "$victim/attempts.jsonl" | head -1)
[ -n "$task" ] || fail "the attempt does not say which Slurm task it is"
sleep 0.3
say "killing task $task ($(basename "$victim"))"
kill -9 "$(pgrep -f "study job [^ ]*$(basename "$victim")")" || fail "its process is not found"
wait $study || fail "the study ended with $?"
cat table

# --- What must be true --------------------------------------------------------------------------------------------------

begins=$(grep -c '"begin"' "$victim/attempts.jsonl")
[ "$begins" -ge 2 ] || fail "the killed task was tried $begins time(s)"
grep -q "$(basename "$victim" | cut -c1-13).*is tried again" study.log || fail "the retry was not reported"
ls runs/study/slurm/*.sh >/dev/null || fail "no sbatch scripts"
grep -q -- '--dependency=after' runs/study/slurm/*.sh || fail "no script has a dependency"
grep -q 'array=1-4' runs/study/slurm/*.sh || fail "the ingredients were no array"
for line in runs/study/runs/*/result.json; do grep -q '"ok" : true' "$line" || fail "$line is no success"; done
"$soup" study run study.yaml "${arguments[@]}" --dry-run >rest
[ ! -s rest ] || fail "runs are left: $(cat rest)"
say "passed: $(ls runs/study/runs | wc -l) runs in $(ls runs/study/slurm/*.sh | wc -l) jobs; the killed one was tried $begins times"
