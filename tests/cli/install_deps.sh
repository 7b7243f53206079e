. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# install-deps with everything there, with something missing, as root and not, without apt-get, and
# with an old CMake; all programs it asks for are fakes that write down how they were called.

unset DRN_TEST_INSTALL # what tests may install is not asked for here
mkdir bin
fake() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
for tool in sh env sort head sed printf cat; do
    ln -s "$(command -v "$tool")" bin/
done
for tool in cc ld ninja vips jq; do
    fake "$tool" 'exit 0'
done
fake cmake 'echo cmake version 3.25.1'
fake pkg-config 'exit 0'
fake id 'echo 0'
fake apt-get 'echo apt-get "$@" >>log'
fake sudo 'echo sudo >>log; exec "$@"'
unset DRN_TEST_INSTALL
install() { PATH=$work/bin sh "$SOURCE/tools/install-deps"; }

run 0 install
absent log
[ ! -s out ] || fail "talks although nothing is missing"

rm bin/ninja
fake pkg-config '[ "$2" != jansson ]'
run 0 install
has log 'apt-get update'
has log 'apt-get install .*ninja-build libjansson-dev$'
grep -q sudo log && fail "root needs no sudo"

DRN_TEST_INSTALL=1 run 0 install
has log 'apt-get install .*gcc-aarch64-linux-gnu qemu-user ninja-build openmpi-bin libjansson-dev$'

rm log
fake id 'echo 1000'
run 0 install
has log 'sudo'
rm bin/sudo
run 1 install
has err 'as root, please run: apt-get update'

rm bin/apt-get
run 1 install
has err 'equivalents of: ninja-build libjansson-dev'

fake pkg-config 'exit 0'
fake ninja 'exit 0'
fake apt-get 'echo apt-get "$@" >>tests'
fake pkg-config '[ "$2" != ompi-c ]'
fake id 'echo 0'
run 0 install
absent tests # MPI is for the tests alone
export DRN_TEST_INSTALL=1
run 0 install
has tests 'apt-get install .* openmpi-bin libopenmpi-dev$'
unset DRN_TEST_INSTALL

fake cmake 'echo cmake version 3.22.1'
run 1 install
has err 'CMake 3.22.1 is too old'
fake cmake 'echo cmake version 4.1.0'
run 0 install
finish
