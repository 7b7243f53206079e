. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Install into a folder, build an outsider's project there in every documented way, run it; then move the
# folder and do it again.

if [ -n "$SANITIZE" ]; then
    echo "skip: an outsider's program does not bring the sanitizer's runtime"
    exit 77
fi
run 0 env DESTDIR="$work/stage" "$CMAKE" --install "$BUILD" --prefix /opt/drn
cp out installed
inside=$work/stage/opt/drn
[ -x "$inside/bin/drn" ] || fail "no program"
for file in include/drn/drn.h share/drn/recipes/tiny-x2.yaml share/doc/drn/README.md; do
    [ -e "$inside/$file" ] || fail "no $file"
done
# nothing of the build's folder in what was installed, and no path to look for libraries in
grep -rl "$BUILD" "$inside" >leaks && { fail "the build folder stands in"; cat leaks; }
for binary in "$inside/bin/drn" "$(find "$inside" -name 'libdrn.so.0.*')"; do
    readelf -d "$binary" | grep -E 'R(UN)?PATH' && fail "$binary has a search path"
done
run 0 "$inside/bin/drn" --version
has out '^drn '
run 0 "$inside/bin/drn" upscale photo.png -o installed_x4.png

mkdir outside
cat >outside/main.c <<'EOF'
#include <drn/drn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    drn_error err = {0};
    drn_model *model = NULL;
    drn_image *in = NULL, *out = NULL;
    if (argc != 2 || drn_model_load(&model, NULL, &err) != DRN_OK || drn_image_read(&in, argv[1], &err) != DRN_OK ||
        drn_upscale(&out, in, model, NULL, &err) != DRN_OK)
        return fprintf(stderr, "%s\n", err.message), 1;
    printf("%s %dx%d\n", drn_version(), out->width, out->height);
    drn_image_free(in);
    drn_image_free(out);
    drn_model_free(model);
    return 0;
}
EOF
cat >outside/CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.20)
project(outside LANGUAGES C)
find_package(drn 0.1 REQUIRED)
add_executable(shared main.c)
target_link_libraries(shared PRIVATE drn::drn)
add_executable(archived main.c)
target_link_libraries(archived PRIVATE drn::static)
EOF

try() { # PREFIX
    lib=$(dirname "$(find "$1" -name libdrn.so)")
    export PKG_CONFIG_PATH="$lib/pkgconfig"
    run 0 pkg-config --modversion drn
    has out '^0\.1\.0$'
    rm -f by_pc by_pc_static
    # shellcheck disable=SC2046
    run 0 "$CC" outside/main.c -o by_pc $(pkg-config --cflags --libs drn)
    run 0 env LD_LIBRARY_PATH="$lib" ./by_pc photo.png
    has out '^0\.1\.0 244x188$'
    # the archive alone: without the shared one in reach it has to be the archive
    mkdir -p only
    cp "$lib/libdrn.a" only/
    # shellcheck disable=SC2046
    run 0 "$CC" outside/main.c -o by_pc_static $(pkg-config --cflags drn) -Lonly $(pkg-config --static --libs-only-l drn) \
        $(pkg-config --static --libs-only-other drn)
    readelf -d by_pc_static | grep -q 'libdrn\.so' && fail "not linked statically"
    run 0 ./by_pc_static photo.png
    has out '244x188'

    rm -rf outside/build
    run 0 "$CMAKE" -S outside -B outside/build -DCMAKE_PREFIX_PATH="$1" -DCMAKE_C_COMPILER="$CC"
    run 0 "$CMAKE" --build outside/build
    run 0 outside/build/shared photo.png
    has out '244x188'
    readelf -d outside/build/shared | grep -q 'libdrn\.so\.0' || fail "drn::drn is not the shared library"
    run 0 outside/build/archived photo.png
    has out '244x188'
    readelf -d outside/build/archived | grep -q 'libdrn\.so' && fail "drn::static is not the archive"
}
try "$inside"
mv "$work/stage/opt/drn" "$work/moved"
try "$work/moved"

# A version that is not ours is refused.
sed -i 's/find_package(drn 0.1/find_package(drn 7.0/' outside/CMakeLists.txt
rm -rf outside/build
run 1 "$CMAKE" -S outside -B outside/build -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_COMPILER="$CC"
has err 'version'
finish
