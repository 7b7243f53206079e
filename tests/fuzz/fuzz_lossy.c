#include "drn/image.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool lossy = drn_image_is_lossy(data, size);
    PROMISE(!lossy || size >= 2); /* the shortest mark has two bytes */
    return 0;
}
