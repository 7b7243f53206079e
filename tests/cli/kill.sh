. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# A run killed (SIGKILL) at random moments, $KILLS times (default 10), and resumed each time ends with
# the bits of a run that was left alone.

kills=${KILLS:-10}
mkdir pictures && cp photo.png photo.jpg pictures
cat >tiny.yaml <<'END'
model: {scale: 4, channels: 8, modules: 2, dual: true, dual_channels: 8}
loss: {kind: gs, dual_kind: gs, dual_start: 150}
data: {patch: 8, batch: 2, sizes: "200:6x3", prefetch: 2}
train: {steps: 400, lr: 1e-3, ema: 0.9, clip: 1, accumulate: 2, spike: 1.5, warm_levels_until: 100,
        val_every: 40, save_every: 15, threads: 2}
END
train() { exec "$DRN" train --recipe tiny.yaml --data pictures --val pictures -q "$@"; }
# The tensors' bytes; the seconds in the header before them differ.
tensors() { tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"; }
same_run() {
    for f in checkpoint model best; do
        tensors "whole/$f.safetensors" >"whole.$f"
        tensors "$1/$f.safetensors" >"parts.$f"
        same "whole.$f" "parts.$f"
    done
    cut -d, -f1-5 whole/log.jsonl >whole.log
    cut -d, -f1-5 "$1/log.jsonl" >parts.log
    same whole.log parts.log
}

start=$(date +%s%N)
(train --out whole) || fail "the whole run failed"
span=$(($(date +%s%N) - start))
[ "$(wc -l <whole/log.jsonl)" -eq 400 ] || fail "the whole run is short"

# Moments spread over the time that a run takes, however fast this machine is.
moments=$(awk -v n="$kills" -v span="$span" -v seed="${SEED:-$$}" 'BEGIN {
    srand(seed)
    for (i = 0; i < n; i++) printf "%.4f\n", 0.02 + rand() * span / 1e9 * 3 / (2 + n / 4) }')
echo "seed ${SEED:-$$}, whole run $((span / 1000000)) ms"
died=0 early=0
for moment in $moments; do
    resume=
    [ ! -e parts/checkpoint.safetensors ] || resume=--resume
    # shellcheck disable=SC2086  # empty or one word
    (train --out parts $resume) & # exec: $! is the process of the program itself
    pid=$!
    sleep "$moment"
    code=0
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null || code=$?
    case $code in
    137) died=$((died + 1)) ;;
    0) # finished before: look at it and begin anew
        early=$((early + 1))
        same_run parts
        rm -rf parts
        ;;
    *) fail "exit code $code" ;;
    esac
done
resume=
[ ! -e parts/checkpoint.safetensors ] || resume=--resume
# shellcheck disable=SC2086
(train --out parts $resume) || fail "the last part failed"
same_run parts
echo "$died kills, $early runs that were done before"
[ "$died" -gt $((kills / 2)) ] || fail "only $died of $kills kills hit a running process"
finish
