. "${SOURCE:?is set by ctest}/tests/cli/lib.sh"
# The checkout keeps the order of its rooms, and the check that says so notices when it does not.

run 0 "$SOURCE/tools/check-includes"
cat out

mkdir -p src/base src/tensor src/io cli include/drn
echo 'foreach(room base tensor io)' >src/CMakeLists.txt
echo 'drn_room(base SOURCES a.c)' >src/base/CMakeLists.txt
echo 'drn_room(tensor SOURCES a.c DEPS base)' >src/tensor/CMakeLists.txt
echo 'drn_room(io SOURCES a.c DEPS tensor LIBS x)' >src/io/CMakeLists.txt
printf '#include "base/a.h"\n#include "tensor/a.h"\n#include "drn/a.h"\n#include <stdio.h>\n' >src/io/a.c
echo '#include "drn/a.h"' >cli/main.c
run 0 "$SOURCE/tools/check-includes" .

violate() { # file, line, message
    echo "$2" >"$1"
    run 1 "$SOURCE/tools/check-includes" .
    has out "^$1:1: $3"
    rm "$1"
}
violate src/base/b.c '#include "tensor/a.h"' 'room base does not depend on tensor'
violate src/tensor/b.h '#include "io/a.h"' 'room tensor does not depend on io'
violate cli/b.c '#include "base/a.h"' 'cli/ may include only drn'
violate include/drn/b.h '#include "base/a.h"' 'a public header includes'
violate src/io/b.c '#include <vips/vips.h>' 'vips.h belongs to'
violate src/io/b.c '#include <libavcodec/avcodec.h>' 'FFmpeg belongs to'
echo 'drn_room(tensor SOURCES a.c DEPS base io)' >src/tensor/CMakeLists.txt
run 1 "$SOURCE/tools/check-includes" .
has out 'room io stands after tensor'
finish
