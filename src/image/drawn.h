/* Is a picture drawn, not taken?  Where a photograph has an edge, nearly every pixel beside it has
 * a colour of its own; in drawings and screenshots edges part areas of one colour, or, after a JPEG
 * file, of nearly one. */
#ifndef DRN_IMAGE_DRAWN_H
#define DRN_IMAGE_DRAWN_H

#include <stdint.h>

/* 8 x 8 blocks seen so far. */
typedef struct drn_drawn {
    int32_t edges; /* a band spans 48 levels or more */
    int32_t equal; /* of these: 10 pixels or more have one colour */
    int32_t near;  /* of these: 24 or more are within 2 levels of one */
} drn_drawn;

/* Count the whole blocks of w x h pixels, 0xRRGGBB each, rows `stride` apart. */
void drn_drawn_look(drn_drawn *d, const uint32_t *pixels, int stride, int w, int h);

/* Shares of the edges, 0..1; 0 with fewer than 4 edges. */
void drn_drawn_shares(double *equal, double *near, const drn_drawn *d);

#endif
