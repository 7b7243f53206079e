#include "video/film.h"

#include <stdarg.h>
#include <stdio.h>

drn_status drn_listener_tell(drn_listener *l, drn_error *err)
{
    if (l->o->progress && !l->o->progress(l->o->progress_ctx, &l->at))
        return drn_fail(err, DRN_ERR_CANCELLED, "cancelled");
    return DRN_OK;
}

void drn_listener_note(const drn_listener *l, const char *fmt, ...)
{
    char line[512];
    va_list ap;
    if (!l->o->note)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    l->o->note(l->o->note_ctx, line);
}

int drn_film_guess_matrix(int32_t height, drn_video_matrix wish)
{
    switch (wish) {
    case DRN_VIDEO_MATRIX_601:
        return DRN_MATRIX_170M;
    case DRN_VIDEO_MATRIX_709:
        return DRN_MATRIX_709;
    case DRN_VIDEO_MATRIX_2020:
        return DRN_MATRIX_2020;
    default:
        return height <= 576 ? DRN_MATRIX_170M : DRN_MATRIX_709;
    }
}

/* Largest number that divides both. */
static int64_t common(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* The pixel shape that keeps the picture's, where the sides grow differently by more than rounding.
 */
static void keep_shape(drn_film *film, const drn_yuv_format *in)
{
    int64_t w = in->width, h = in->height, bw = film->f.width, bh = film->f.height;
    int64_t off = bw * h - bh * w, one = w > h ? w : h;
    if ((off < 0 ? -off : off) <= 2 * one)
        return;
    int64_t num = w * bh * (film->aspect_num ? film->aspect_num : 1),
            den = h * bw * (film->aspect_num ? film->aspect_den : 1), c = common(num, den);
    for (num /= c, den /= c; num > INT32_MAX || den > INT32_MAX; num /= 2, den /= 2)
        ;
    if (num > 0 && den > 0) {
        film->aspect_num = (int)num;
        film->aspect_den = (int)den;
    }
}

/* Players guess untagged colours by the number of rows; what they would have guessed is written
 * down where the result's rows would make them guess otherwise. */
static void write_down(drn_film *film, int32_t height)
{
    if (film->matrix != DRN_MATRIX_UNKNOWN)
        return;
    film->matrix = film->f.matrix;
    if (film->primaries != 2 || film->f.matrix != DRN_MATRIX_170M)
        return;
    if (height == 576)
        film->primaries = 5; /* BT.601, 625 lines */
    else if (height == 480 || height == 486)
        film->primaries = 6; /* BT.601, 525 lines */
}

drn_film drn_film_enlarged(const drn_film *in, int32_t width, int32_t height)
{
    drn_film film = *in;
    film.f.width = width;
    film.f.height = height;
    keep_shape(&film, &in->f);
    write_down(&film, in->f.height);
    film.interlaced = false;
    return film;
}
