# The kernels built for 64-bit ARM with the cross compiler, and their tests run under qemu-user: every
# shape of tests/kernels in one case of three, on hostile data too.  Skips (77) with the reason.
# SOURCE: the checkout; BUILD: a folder for this build; CMAKE, GENERATOR: as the outer build has them.
set -eu

skip() {
    echo "skipped: $* (DRN_TEST_INSTALL=1 tools/install-deps installs it)"
    exit 77
}

command -v aarch64-linux-gnu-gcc >/dev/null || skip "no aarch64-linux-gnu-gcc"
[ -e /usr/aarch64-linux-gnu/include/stdlib.h ] || skip "no libc for aarch64-linux-gnu"
command -v qemu-aarch64 >/dev/null || command -v qemu-aarch64-static >/dev/null || skip "no qemu-aarch64"

"$CMAKE" -S "$SOURCE" -B "$BUILD" -G "$GENERATOR" -DCMAKE_BUILD_TYPE=Release -DDRN_KERNELS_ONLY=ON \
    -DCMAKE_TOOLCHAIN_FILE="$SOURCE/cmake/aarch64-linux-gnu.cmake" >"$BUILD.log" 2>&1 &&
    "$CMAKE" --build "$BUILD" -j 2 >>"$BUILD.log" 2>&1 || {
    cat "$BUILD.log"
    exit 1
}

# What vec_pair.h promises of the compiler: multiply-adds are fused, sums stay in registers.
object() { echo "$BUILD/src/kernels/CMakeFiles/drn_kernels.dir/neon/$1.c.o"; }
disassemble() { aarch64-linux-gnu-objdump -d --no-show-raw-insn --disassemble="$2" "$(object "$1")"; }
for kernel in conv_winograd4:products conv_winograd6:products conv_winograd_weights:outer_position; do
    disassemble "${kernel%:*}" "${kernel#*:}" | awk -v name="$kernel" '
        /\tfmla\t/ { fused++ }
        /\tf(mul|add)\t/ { apart++ }
        /\t(str|stp)\tq.*\[sp/ { spilled++ }
        END {
            printf "%s: %d fused, %d apart, %d spilled\n", name, fused, apart, spilled
            exit fused < 48 || apart > 0 || spilled > 0
        }' || exit 1
done

cd "$BUILD"
DRN_TEST_EVERY=3 ctest --output-on-failure -j 2
