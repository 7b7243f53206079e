#include "base/mem.h"
#include "fuzz.h"
#include "video/segment.h"

/* Every packet was in the file, however the file lies about it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drn_error err = {0};
    drn_segment_reader r;
    drn_packet p;
    uint8_t *extra = NULL;
    size_t extras = 0, total = 0;
    bool end = false;
    FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    if (!f)
        return 0;
    drn_status s = drn_segment_open(&r, f, "fuzz", &extra, &extras, &err);
    PROMISE(s == DRN_OK || err.message[0]);
    if (s != DRN_OK)
        return 0;
    PROMISE(extras <= size);
    while ((s = drn_segment_next(&p, &r, &end, &err)) == DRN_OK && !end) {
        total += 24 + p.size;
        PROMISE(total <= size);
        for (uint32_t i = 0; i < p.size; i++)
            extra[0] = (uint8_t)(extra[0] + p.data[i]); /* a sanitizer sees that all were set */
    }
    PROMISE(s == DRN_OK || (err.code == s && err.message[0]));
    drn_segment_close(&r);
    drn_free(extra);
    return 0;
}
