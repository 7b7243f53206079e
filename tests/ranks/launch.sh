. "${SOURCE:?is set by ctest}/tests/ranks/lib.sh"
# What starts several processes is told by the environment alone; MPI is loaded only then, and what does not fit
# is one line.  None of it needs mpirun.
if command -v ldd >/dev/null 2>&1; then
    ldd "$DRN" | grep -i 'mpi\|open-rte' && fail "the program needs MPI to start"
fi
unset DRN_MPI
LD_DEBUG=files "$DRN" models >out 2>err </dev/null || fail "does not run alone"
grep -q 'drn_mpi\|libmpi' err && fail "MPI is loaded without a launcher"
# Slurm's variables stand in every batch script and start nothing.
SLURM_NTASKS=4 SLURM_PROCID=0 LD_DEBUG=files "$DRN" evaluate -m bicubic -s 2 --data . --sr . >out 2>err </dev/null
grep -q 'drn_mpi' err && fail "MPI is loaded in a batch script"

upscale() { "$DRN" upscale photo.png -o p.png -m x4.safetensors -q; }
for launcher in "OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2" "PMI_RANK=0 PMI_SIZE=2" PMIX_RANK=0; do
    # shellcheck disable=SC2086  # words
    bad 'started as one of several processes, but there is no MPI module (nowhere.so)' \
        env DRN_MPI=nowhere.so $launcher "$DRN" upscale photo.png -o p.png -m x4.safetensors
    echo text >text.so
    # shellcheck disable=SC2086
    bad 'the MPI module cannot be loaded: .*text.so' \
        env DRN_MPI=./text.so $launcher "$DRN" upscale photo.png -o p.png -m x4.safetensors
    # shellcheck disable=SC2086
    bad "'drn pack' works alone" env $launcher "$DRN" pack . -o p.pack
    # shellcheck disable=SC2086
    run 0 env DRN_MPI=off $launcher "$DRN" upscale photo.png -o p.png -m x4.safetensors -q --overwrite
done
library=$(ls /lib/*/libz.so.1 /usr/lib/*/libz.so.1 2>/dev/null | head -n 1)
[ -z "$library" ] || bad 'is the module of another version of drn' \
    env "DRN_MPI=$library" PMI_RANK=0 PMI_SIZE=2 "$DRN" upscale photo.png -o p.png -m x4.safetensors
# One process of a launcher is a process alone.
run 0 env DRN_MPI=nowhere.so OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=1 "$DRN" models
# Usage is rank 0's to explain.
run 2 env OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 "$DRN" train --nonsense
[ ! -s err ] || { fail "rank 1 explains"; cat err; }
run 2 env OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 "$DRN" train --recipe x
[ ! -s err ] || { fail "rank 1 explains"; cat err; }
# A module of Open MPI under another launcher: every process would train alone.
export DRN_MPI="$BUILD/drn_mpi.so"
if [ -f "$DRN_MPI" ]; then
    bad 'the launcher started 2 processes, but MPI sees 1' \
        env PMI_RANK=0 PMI_SIZE=2 "$DRN" upscale photo.png -o q.png -m x4.safetensors
fi
finish
