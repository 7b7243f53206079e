/* What the build found; the rows come from drn_part() in the rooms' CMakeLists.txt. */
#include "drn/system.h"

static const drn_part parts[] = {
#include "parts.inc"
    {0},
};

const drn_part *drn_build_part(size_t i)
{
    return i + 1 < sizeof parts / sizeof *parts ? &parts[i] : NULL;
}

const char *drn_build_compiler(void)
{
    return DRN_COMPILER;
}
