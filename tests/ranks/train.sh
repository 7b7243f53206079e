. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# Training by several ranks: the curve of one process, the same bits twice and after a resume, one set of files.
need_mpi

mkdir pictures && cp photo.png photo.jpg pictures
cat >run.yaml <<'END'
model: {scale: 4, channels: 8, modules: 2, dual: true, dual_channels: 8}
loss: {kind: gs, dual_kind: gs, dual_start: 50}
data: {patch: 8, batch: 6, sizes: "150:6x12", prefetch: 1}
train: {steps: 200, lr: 3e-4, ema: 0.9, clip: 1, warm_levels_until: 60,
        val_every: 100, save_every: 1000, threads: 1}
END
set -- --recipe run.yaml --data pictures --val pictures -q
tensors() { tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"; }
same_tensors() { tensors "$1" >one && tensors "$2" >two && same one two; }
# Values of a key of the log, one a line.
column() { sed "s/.*\"$1\":\([-+0-9.e]*\).*/\1/" "$2"; }
# The largest relative difference of a column of two logs.
distance() {
    column "$1" "$2" >one && column "$1" "$3" >two
    paste one two | awk '{ d = ($1 - $2) / $1; d = d < 0 ? -d : d; if (d > m) m = d } END { print NR, m + 0 }'
}
# curve A B STEPS TOLERANCE
curve() {
    for key in loss primal; do
        d=$(distance $key "$1" "$2")
        echo "$key of $1 and $2: $d"
        echo "$d" | awk -v n="$3" -v t="$4" '{ exit !($1 == n && $2 <= t) }' || fail "$key differs: $d"
    done
}

run 0 "$DRN" train "$@" --out one_rank
for n in 2 3; do
    run 0 mpi $n "$DRN" train "$@" --out ranks$n
    [ ! -s err ] || { fail "$n ranks are not quiet"; cat err; }
    curve one_rank/log.jsonl ranks$n/log.jsonl 200 1e-4
    has ranks$n/log.jsonl "\"ranks\":$n,\"ranks_share\":0"
    near "$(column val_psnr ranks$n/log.jsonl | tail -n 1)" "$(column val_psnr one_rank/log.jsonl | tail -n 1)" 0.01
done
# Validation pictures are shared out: of the same weights the same PSNR, to the last digit, with as many ranks as
# pictures or more, and a broken one among them.
mkdir val && cp photo.png val/a.png && cp photo.jpg val/b.jpg && head -c 400 photo.png >val/bad.png && cp alpha.png val/c.png
for n in 1 2 3; do
    run 0 mpi $n "$DRN" train --recipe run.yaml --data pictures --val val -q --out val$n --set train.steps=1 \
        --set train.lr=0 --set train.lr_min=0 --set train.warm_levels_until=0
    for number in val_psnr val_gain seen_gain; do
        column $number val$n/log.jsonl >$number$n
        [ -s $number$n ] || fail "no $number by $n ranks"
        equal "$(cat $number$n)" "$(cat ${number}1)"
    done
    diff -r val1/pictures val$n/pictures || fail "other pictures by $n ranks"
done
# Of pictures that are trained on none can be measured: the run goes on.
mkdir odd && cp photo.png odd/b.png && printf 'P6 4 4 255\n123456789012345678901234567890123456789012345678' >odd/a.ppm
run 0 mpi 2 "$DRN" train --recipe run.yaml --data odd --val val -q --out odd2 --set train.steps=1 --set train.val_seen=1
[ -n "$(column val_gain odd2/log.jsonl)" ] || fail "no gain"
grep -q seen_gain odd2/log.jsonl && fail "what was measured?"
# A curve of other samples is told from this one.
run 0 "$DRN" train "$@" --out other --set train.seed=2
distance loss one_rank/log.jsonl other/log.jsonl | awk '{ exit !($2 > 0.01) }' || fail "another seed, the same curve"

# Twice the same bits; interrupted in the middle and gone on with by as many ranks, too.
run 0 mpi 2 "$DRN" train "$@" --out again
same_tensors ranks2/checkpoint.safetensors again/checkpoint.safetensors
run 0 mpi 2 "$DRN" train "$@" --out parts --set train.steps=75 --set train.schedule=constant
run 0 mpi 2 "$DRN" train "$@" --out parts --set train.schedule=constant --resume
run 0 mpi 2 "$DRN" train "$@" --out whole --set train.schedule=constant
same_tensors whole/checkpoint.safetensors parts/checkpoint.safetensors
# By another number of ranks, and by one process: the same curve.
for n in 3 1; do
    run 0 mpi 2 "$DRN" train "$@" --out mixed$n --set train.steps=75 --set train.schedule=constant
    run 0 mpi $n "$DRN" train "$@" --out mixed$n --set train.schedule=constant --resume
    curve whole/log.jsonl mixed$n/log.jsonl 200 1e-4
done

# What is wrong is said once, by rank 0.
refused() {
    words=$1
    shift
    run 1 mpi "$@"
    equal "$(grep -c '^drn: ' err)" 1
    grep -q "^drn: .*$words" err || { fail "no '$words'"; cat err; }
}
refused 'data.batch: 6 samples cannot be split evenly over 4 ranks' 4 "$DRN" train "$@" --out b
refused 'data.sizes: 8 samples from step 20 on cannot be split evenly over 3 ranks' \
    3 "$DRN" train "$@" --out b --set data.sizes=20:6x8
refused 'one_rank/checkpoint.safetensors exists; go on with --resume' 2 "$DRN" train "$@" --out one_rank
refused 'rank 1 has other pictures, or another recipe, than rank 0' \
    1 "$DRN" train "$@" --out b : -n 1 "$DRN" train "$@" --out b --set train.lr=2e-4
refused 'rank 1: nowhere: ' 1 "$DRN" train "$@" --out b : -n 1 "$DRN" train --recipe run.yaml --data nowhere --out b -q

run 2 mpi 2 "$DRN" train "$@" --out b --max-time x
equal "$(grep -c '^drn train: ' err)" 1

# Stops: by the clock of rank 0, by Ctrl-C of mpirun, by the signal that batch systems send ahead.
long="--set train.steps=100000 --set train.val_every=0 --set data.sizes= --set train.warm_levels_until=0"
# shellcheck disable=SC2086  # words
run 0 mpi 2 "$DRN" train --recipe run.yaml --data pictures --out timed $long --max-time 0.3
equal "$(grep -c 'time is up at step [0-9]* of 100000; go on with --resume' err)" 1
for signal in INT TERM USR1; do
    # shellcheck disable=SC2086
    mpirun -n 3 "$DRN" train "$@" --out "stop$signal" $long >out 2>err </dev/null &
    job=$!
    wait_for stop$signal/recipe.yaml
    sleep 1.5
    kill -$signal $job
    code=0
    wait $job || code=$?
    equal "$code" 1
    has err '^drn: stopped; checkpoint saved, go on with --resume'
    # shellcheck disable=SC2086
    run 0 mpi 2 "$DRN" train "$@" --out "stop$signal" $long --resume --max-time 0.2
done
finish
