#include "server/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* As long as the nonce, so that replacing it moves nothing. */
const char web_page_mark[33] = "@@drn-nonce-goes-here-32-chars@@";

static bool make_nonce(char nonce[33])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

bool web_page_make(char **body, size_t *size, char nonce[33])
{
    char *text = make_nonce(nonce) ? malloc(web_page_size + 1) : NULL;
    if (!text)
        return false;
    memcpy(text, web_page_data, web_page_size);
    text[web_page_size] = 0;
    for (char *at = text; (at = strstr(at, web_page_mark)); at += 32)
        memcpy(at, nonce, 32);
    *body = text;
    *size = web_page_size;
    return true;
}
