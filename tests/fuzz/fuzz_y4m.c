#include "fuzz.h"
#include "video/y4m.h"

#include <string.h>

/* A header that is read is within bounds, and says the same when it is printed and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    drn_error err = {0};
    drn_y4m_header h = {0}, again;
    drn_status s = drn_y4m_parse(&h, (const char *)data, size, "fuzz", &err);
    PROMISE(s == DRN_OK || (err.code == s && err.message[0] && h.f.width == 0));
    if (s != DRN_OK)
        return 0;
    size_t bytes;
    PROMISE(h.f.width >= 1 && h.f.width <= 65536 && h.f.height >= 1 && h.f.height <= 65536);
    PROMISE(h.f.depth >= 8 && h.f.depth <= 16 && (h.f.planes == 1 || h.f.planes == 3));
    PROMISE(drn_yuv_size(&bytes, &h.f, &err) == DRN_OK);
    PROMISE((h.rate_num > 0) == (h.rate_den > 0) && (h.aspect_num > 0) == (h.aspect_den > 0));
    char line[DRN_Y4M_LINE];
    drn_film film = {.f = h.f,
                     .rate_num = h.rate_num,
                     .rate_den = h.rate_den,
                     .aspect_num = h.aspect_num,
                     .aspect_den = h.aspect_den,
                     .has_range = h.has_range};
    drn_y4m_print(line, &film);
    PROMISE(drn_y4m_parse(&again, line, strcspn(line, "\n"), "again", &err) == DRN_OK);
    h.interlace = again.interlace;
    PROMISE(memcmp(&h.f, &again.f, sizeof h.f) == 0 || h.f.site != again.f.site);
    PROMISE(h.rate_num == again.rate_num && h.aspect_den == again.aspect_den);
    return 0;
}
