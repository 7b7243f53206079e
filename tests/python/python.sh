. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# python/drn: its structures are the headers', and the package does what the program does.

if [ -n "$SANITIZE" ]; then
    echo "skip: Python does not bring the sanitizer's runtime"
    exit 77
fi
python=
find_python() {
    for one in python3 /usr/bin/python3; do
        "$one" -c 'import sys, numpy; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || continue
        python=$one
        "$one" -c 'import PIL' 2>/dev/null && return
    done
}
find_python
if [ -z "$python" ] && [ "${DRN_TEST_INSTALL:-0}" = 1 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    for update in false true; do
        $update && apt-get update -q </dev/null >/dev/null 2>&1
        DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends python3 python3-numpy python3-pil \
            </dev/null >/dev/null 2>&1 && break
    done
    find_python
fi
if [ -z "$python" ]; then
    echo "skip: no Python 3.9 with numpy; install python3-numpy and python3-pil, or set DRN_TEST_INSTALL=1"
    exit 77
fi
export PYTHONPATH="$SOURCE/python" PYTHONDONTWRITEBYTECODE=1 DRN

DRN_LIBRARY=$BUILD/libdrn.so.0
export DRN_LIBRARY
"$python" "$SOURCE/tests/python/abi.py" >abi.c || fail "abi.py"
run 0 "$CC" -std=c17 -I"$SOURCE/include" abi.c -o abi "$DRN_LIBRARY" -Wl,-rpath,"$BUILD"
run 0 ./abi
cat out
grep -q '^note' out && cat out
# ... and the comparison notices a field that moved, and a structure that outgrew its room
sed 's/offsetof(drn_upscale_options, tile)/offsetof(drn_upscale_options, threads)/; s/sizeof(drn_error) > [0-9]*/sizeof(drn_error) > 515/' abi.c >abi_wrong.c
run 0 "$CC" -std=c17 -I"$SOURCE/include" abi_wrong.c -o abi_wrong "$DRN_LIBRARY" -Wl,-rpath,"$BUILD"
run 1 ./abi_wrong
has out 'offset of drn_upscale_options.tile'
has out 'sizeof drn_error'

run 0 timeout 200 "$python" -X faulthandler "$SOURCE/tests/python/test_drn.py"
cat err

# found without being named: as a folder, in a checkout's build folder
run 0 env DRN_LIBRARY="$BUILD" "$python" -c 'import drn; print(drn.__version__)'
mkdir -p checkout/include/drn checkout/build/release checkout/python
touch checkout/include/drn/drn.h
cp -R "$SOURCE/python/drn" checkout/python/
cp "$DRN_LIBRARY" checkout/build/release/
run 0 env -u DRN_LIBRARY PYTHONPATH="$work/checkout/python" "$python" -c 'import drn; print(drn._library.lib._name)'
has out 'checkout/build/release/libdrn\.so\.0'
equal "$("$python" -c 'import drn; print(drn.__version__)')" "$("$DRN" --version | cut -d' ' -f2)"
# the examples of the manual run
"$python" - "$SOURCE/docs/user/python.md" >manual.py <<'EOF'
import re, sys
print("\n".join(re.findall(r"```python\n(.*?)```", open(sys.argv[1]).read(), re.S)))
EOF
[ -s manual.py ] || fail "no examples in docs/user/python.md"
run 0 "$python" manual.py
finish
