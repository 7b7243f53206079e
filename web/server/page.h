/* The page, compiled in: one HTML file with its styles and program inside. */
#ifndef DRN_WEB_PAGE_H
#define DRN_WEB_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/* A copy of the page that only runs what carries the nonce: 32 digits, new for every answer.
 * body: malloc'ed.  False without memory or random numbers. */
bool web_page_make(char **body, size_t *size, char nonce[33]);

/* The page as built, with web_page_mark where the nonce belongs; made by embed.cmake. */
extern const unsigned char web_page_data[];
extern const size_t web_page_size;
extern const char web_page_mark[33];

#endif
