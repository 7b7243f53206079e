/* Names of pictures: they come from clients and go into pages and headers. */
#include "server/request.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at p, or 0 when it is none (overlong forms and surrogates included).
 */
static size_t utf8_length(const unsigned char *p)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (n == 1)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    unsigned long c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c >= least[n] && c <= 0x10ffff && !surrogate ? n : 0;
}

/* Of a sequence that is one: U+0000 to U+001F, U+007F to U+009F. */
static bool is_control(const unsigned char *p)
{
    return *p < 32 || *p == 127 || (p[0] == 0xc2 && p[1] < 0xa0);
}

void web_text_clean(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p;) {
        size_t n = utf8_length(p);
        if (n == 0 || is_control(p))
            memset(p, '?', n ? n : 1);
        p += n ? n : 1;
    }
}

void web_name_clean(char out[WEB_NAME_MAX + 1], const char *name)
{
    size_t used = 0;
    for (const char *p = name; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    while (*name == '.') /* neither hidden nor "..", whatever saves it */
        name++;
    for (const unsigned char *p = (const unsigned char *)name; *p;) {
        size_t n = utf8_length(p);
        if (used + (n ? n : 1) > WEB_NAME_MAX)
            break;
        bool plain = n > 0 && !is_control(p);
        memcpy(out + used, plain ? (const char *)p : "_", plain ? n : 1);
        used += plain ? n : 1;
        p += n ? n : 1;
    }
    out[used] = 0;
    if (used == 0)
        strcpy(out, "picture");
}

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* RFC 6266: a fallback of letters, and the name itself percent-encoded. */
void web_disposition(char *out, size_t size, const char *name, int scale, const char *suffix)
{
    char plain[WEB_NAME_MAX + 1], coded[3 * WEB_NAME_MAX + 1];
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot != name ? (size_t)(dot - name) : strlen(name), used = 0, i;
    for (i = 0; i < n && i < WEB_NAME_MAX; i++) {
        unsigned char c = (unsigned char)name[i];
        plain[i] = is_plain(c) ? (char)c : '_';
        used +=
            (size_t)snprintf(coded + used, sizeof coded - used, is_plain(c) ? "%c" : "%%%02X", c);
    }
    plain[i] = 0;
    snprintf(out, size, "attachment; filename=\"%s_x%d%s\"; filename*=UTF-8''%s_x%d%s", plain,
             scale, suffix, coded, scale, suffix);
}
