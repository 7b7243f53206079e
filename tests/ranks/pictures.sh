. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# drn upscale and drn evaluate share the pictures: files, output and exit code are those of one process.
need_mpi

mkdir in in/below && cp alpha.png grey.png photo.png photo.jpg in && cp one.png in/below
cp photo.png in/below/second.png
untimed() { sed 's/[0-9]*\.[0-9]* s\(econds\)\{0,1\}$/T s/' "$1"; }
for n in 1 2 3; do
    rm -rf out_
    run 0 mpi $n "$DRN" upscale -r in -o out_ -m x4.safetensors --check
    untimed err >err$n
    mv out out$n && mv out_ files$n
done
for n in 2 3; do
    same out1 out$n
    same err1 err$n
    diff -r files1 files$n || fail "other files by $n ranks"
done
equal "$(find files3 -type f | wc -l)" 6
# Names that exist: all are skipped; without --resume each is an error.
run 0 mpi 2 "$DRN" upscale -r in -o files2 -m x4.safetensors --resume
has err '^6 pictures: 0 enlarged, 6 skipped'
run 1 mpi 2 "$DRN" upscale -r in -o files2 -m x4.safetensors -q
equal "$(grep -c 'exists already' err)" 6

# JSON: the same events but for the times.
for n in 1 2; do
    run 0 mpi $n "$DRN" upscale -r in -o json$n -m x4.safetensors --json
    grep -v '"event":"progress"' out | sed 's/"seconds":[^,}]*//; s/"pixels_per_second":[^,}]*//; s/json[12]/json/' >events$n
done
same events1 events2

# One broken picture, on whichever rank: the others are enlarged, the exit code tells.
for name in a z; do
    mkdir bad$name && cp grey.png bad$name/b.png && cp alpha.png bad$name/c.png
    head -c 300 photo.png >bad$name/$name.png
    run 1 mpi 2 "$DRN" upscale bad$name -o fixed$name -m x4.safetensors -q
    has err "bad$name/$name.png"
    has err '^3 pictures: 2 enlarged, 1 failed'
done
run 1 mpi 2 "$DRN" upscale nowhere -o fixed/ -m x4.safetensors
equal "$(grep -c '^drn: nowhere' err)" 1
run 1 mpi 2 "$DRN" upscale - -o fixed.png -m x4.safetensors
has err 'not the standard input or output'
run 1 mpi 1 "$DRN" upscale in -o fixed -m x4.safetensors : -n 1 "$DRN" upscale in/below -o fixed -m x4.safetensors
has err '^drn: rank 1 has other pictures than rank 0'

# A rank that is killed ends all.
mkdir large && "$DRN" upscale photo.png -m bicubic -q -W 1500 -o large/a.png 2>/dev/null
[ -e large/a.png ] || "$DRN" upscale photo.png -m x4.safetensors -q -W 1500 -o large/a.png
for i in b c d e f g; do cp large/a.png large/$i.png; done
mpirun -n 2 "$DRN" upscale large -o killed_out -j 1 -m x4.safetensors -q >out 2>err </dev/null &
job=$!
wait_for killed_out
sleep 0.5
kill -9 "$(rank_pid 1 -o killed_out)"
code=0
wait $job || code=$?
equal "$code" 137
# Whoever is killed may leave a temporary file, but never half a picture.
find killed_out -name '*.tmp' -delete
run 0 "$DRN" upscale large -o killed_out -m x4.safetensors --resume -q
for i in b c d e f g; do same killed_out/a.png killed_out/$i.png; done

# Tables and JSON of evaluate, to the last digit.
rm -r in/below
for option in "" --json --trust; do
    # shellcheck disable=SC2086  # no or one word
    run 0 "$DRN" evaluate -s 4 --data in -m x4.safetensors $option
    mv out whole
    for n in 2 3; do
        # shellcheck disable=SC2086
        run 0 mpi $n "$DRN" evaluate -s 4 --data in -m x4.safetensors $option
        same whole out
        [ ! -s err ] || { fail "messages of $n ranks"; cat err; }
    done
done
head -c 300 photo.png >in/h.png
run 1 "$DRN" evaluate -s 4 --data in -m x4.safetensors
mv out whole && mv err message
run 1 mpi 3 "$DRN" evaluate -s 4 --data in -m x4.safetensors
same whole out
equal "$(grep '^drn: ' err)" "$(cat message)"

# Of the other commands each process would do everything.
run 1 mpi 2 "$DRN" pack in -o x.pack
equal "$(grep -c "^drn: 'drn pack' works alone" err)" 1
absent x.pack
run 0 mpi 2 env DRN_MPI=off "$DRN" models
finish
