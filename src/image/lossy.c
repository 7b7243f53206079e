/* Whether a picture went through a format that loses something: by the first bytes of its file. */
#include "drn/image.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 64 << 10 }; /* holds the chunks before a WebP's pixels, but for huge profiles */

static bool is_at(const unsigned char *p, size_t size, size_t at, const char *text)
{
    size_t n = strlen(text);
    return at <= size && size - at >= n && memcmp(p + at, text, n) == 0;
}

/* A lossless WebP codes its pixels in a chunk VP8L; one that says nothing else counts as lossy. */
static bool webp_is_lossy(const unsigned char *p, size_t size)
{
    for (size_t at = 12; at + 8 <= size;) {
        if (is_at(p, size, at, "VP8L"))
            return false;
        if (is_at(p, size, at, "VP8 ") || is_at(p, size, at, "ANMF"))
            return true;
        size_t n = (size_t)p[at + 4] | (size_t)p[at + 5] << 8 | (size_t)p[at + 6] << 16 |
                   (size_t)p[at + 7] << 24;
        at += 8 + n + (n & 1);
    }
    return true;
}

/* Files of ISO's boxes name their kind in the first one. */
static bool box_is_lossy(const unsigned char *p, size_t size)
{
    static const char *const brands[] = {"avif", "avis", "heic", "heix", "heim",
                                         "heis", "hevc", "hevx", "mif1", "msf1"};
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (is_at(p, size, 8, brands[i]))
            return true;
    return false;
}

bool drn_image_is_lossy(const void *data, size_t size)
{
    const unsigned char *p = data;
    if (is_at(p, size, 0, "RIFF") && is_at(p, size, 8, "WEBP"))
        return webp_is_lossy(p, size);
    if (is_at(p, size, 4, "ftyp"))
        return box_is_lossy(p, size);
    return is_at(p, size, 0, "\xff\xd8\xff") ||                                  /* JPEG */
           is_at(p, size, 4, "jP  ") || is_at(p, size, 0, "\xff\x4f\xff\x51") || /* JPEG 2000 */
           is_at(p, size, 4, "JXL ") || is_at(p, size, 0, "\xff\x0a");           /* JPEG XL */
}

bool drn_image_file_is_lossy(const char *path)
{
    unsigned char head[HEAD];
    struct stat sb;
    FILE *f = stat(path, &sb) == 0 && S_ISREG(sb.st_mode) ? fopen(path, "rbe") : NULL;
    if (!f)
        return false;
    size_t size = fread(head, 1, sizeof head, f);
    fclose(f);
    return drn_image_is_lossy(head, size);
}
