. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# examples/slurm/train.sbatch, with a Slurm of three scripts and one task: it trains, is told that its time is up,
# is queued again, and goes on.
command -v bash >/dev/null 2>&1 || skip "no bash"

mkdir bin pictures && cp photo.png photo.jpg pictures
fake() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
fake srun 'echo "$@" >srun.args
echo $$ >step.pid
while [ "${1#-}" != "$1" ]; do shift; done
shift
exec "$DRN" "$@"'
fake scancel 'echo "$@" >scancel.args; kill -USR1 "$(cat step.pid)"'
fake scontrol 'echo "$@" >>scontrol.args'
export SLURM_JOB_ID=7 DRN
job() { PATH=$work/bin:$PATH exec bash "$SOURCE/examples/slurm/train.sbatch" "$@"; }
cat >tiny.yaml <<'END'
model: {scale: 2, channels: 4, modules: 1}
data: {patch: 8, batch: 2}
train: {steps: 1000000, schedule: constant, val_every: 0, save_every: 1000000, threads: 1}
END

for part in 1 2; do
    rm -f srun.args
    (job run tiny.yaml pictures) >out 2>err </dev/null &
    pid=$!
    wait_for srun.args
    sleep 1.5
    kill -USR1 $pid
    code=0
    wait $pid || code=$?
    equal "$code" 0
    equal "$(cat scancel.args)" "--signal=USR1 7"
    equal "$(grep -c '^requeue 7$' scontrol.args)" $part
    has out 'queued again'
    equal "$(grep -c -- --resume srun.args)" $((part - 1))
    steps=$(wc -l <run/log.jsonl)
    [ "$steps" -gt "${before:-0}" ] || fail "no step in part $part"
    before=$steps
done
sed 's/steps: 1000000/steps: 3/' tiny.yaml >short.yaml
(job done short.yaml pictures pictures -q) >out 2>err </dev/null || fail "a short run: $?"
equal "$(wc -l <scontrol.args)" 2
(job done short.yaml nowhere) >out 2>err </dev/null && fail "no pictures, no error"
(job) >out 2>err </dev/null
has out 'sbatch examples/slurm/train.sbatch RUN RECIPE DATA'
finish
