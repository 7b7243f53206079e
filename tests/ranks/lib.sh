# Sourced by the scripts: mpi N COMMAND... runs N processes on this machine.
. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
export DRN_MPI="$BUILD/drn_mpi.so"
# As root, in a container, with more processes than cores, and without a word about a network it does not need.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_btl=self,vader TMPDIR="$work"
# Open MPI leaks, in modules it has unloaded when the sanitizer looks; our own leaks show in runs without it.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

skip() { echo "skip: $*"; exit 77; }
need_mpi() {
    command -v mpirun >/dev/null 2>&1 || skip "no mpirun (Debian: openmpi-bin)"
    mpirun --version 2>/dev/null | grep -q 'Open MPI' || skip "mpirun is not Open MPI's"
    [ -f "$DRN_MPI" ] || skip "built without MPI (Debian: libopenmpi-dev)"
    mpirun -n 2 true 2>err </dev/null || skip "mpirun does not run here: $(head -n 3 err)"
}
mpi() { processes=$1; shift; mpirun -n "$processes" "$@"; }
# The process of a rank of a running job whose command line has these words.
rank_pid() {
    rank=$1
    shift
    for p in $(pgrep -f -- "$*"); do
        tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$rank" && echo "$p"
    done | head -n 1
}
# wait_for FILE: until it exists
wait_for() {
    for _ in $(seq 300); do
        [ -e "$1" ] && return
        sleep 0.1
    done
    fail "$1 did not come"
}
