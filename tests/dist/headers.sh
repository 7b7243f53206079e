. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# Every public header compiles alone: as C11 and C17, and as C++11 and later.

strict='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only'
plus=$(command -v c++ || command -v g++ || command -v clang++ || true)
[ -n "$plus" ] || echo "no C++ compiler: headers are compiled as C only"
for header in "$SOURCE"/include/drn/*.h; do
    printf '#include <drn/%s>\nint unused_;\n' "${header##*/}" >one.c
    cp one.c one.cc
    for std in c11 c17; do
        # shellcheck disable=SC2086
        run 0 "$CC" -std=$std $strict -I"$SOURCE/include" one.c
    done
    [ -n "$plus" ] || continue
    for std in c++11 c++20; do
        # shellcheck disable=SC2086
        run 0 "$plus" -std=$std $strict -Wold-style-cast -I"$SOURCE/include" one.cc
    done
done

# A program in C++ links and runs.
if [ -n "$plus" ] && [ -z "$SANITIZE" ]; then
    cat >use.cc <<'EOF'
#include <drn/drn.h>
#include <iostream>
#include <memory>

int main()
{
    drn_error err{};
    drn_image *raw = nullptr;
    if (drn_image_new(&raw, 4, 3, 1, DRN_F32, &err) != DRN_OK)
        return 1;
    std::unique_ptr<drn_image, decltype(&drn_image_free)> image(raw, drn_image_free);
    std::cout << drn_version() << ' ' << image->width << 'x' << image->height << '\n';
}
EOF
    run 0 "$plus" -std=c++11 -I"$SOURCE/include" use.cc -o use "$BUILD/libdrn.so" -Wl,-rpath,"$BUILD"
    run 0 ./use
    has out ' 4x3$'
fi
finish
