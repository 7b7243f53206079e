/* From file to file in strips: memory does not grow with the picture's height. */
#include "image/stream.h"
#include "base/mem.h"
#include "upscale/work.h"

#include <math.h>
#include <string.h>

/* The network's own memory for its bands and weights and the saver's, which the budget has to leave room for,
 * bytes. */
#define RESERVE ((size_t)450 << 20)
#define DEFAULT_MEMORY ((size_t)800 << 20)

typedef struct stream {
    drn_row_reader *reader;
    drn_row_writer *writer;
    drn_work work;
    drn_image info;    /* of the input: size, bands, depth, metadata */
    drn_image *window; /* rows first .. first + rows - 1 of the input */
    int32_t first, rows;
    int32_t step;      /* rows of the result at a time */
    double max_pixels; /* network pixels of a window */
} stream;

/* Divide the memory: a third for strips of the result, of which up to three exist; the rest for
 * windows. */
static void divide(stream *s, size_t memory)
{
    const drn_upscale_target *t = &s->work.t;
    size_t left = memory > 2 * RESERVE ? memory - RESERVE : memory > RESERVE ? RESERVE : memory / 2;
    double row = (double)t->width * s->info.bands * (double)drn_depth_size(s->info.depth);
    double rows = (double)left / 3 / 3 / row;
    double least = (double)s->work.times * (s->work.radius > 8 ? s->work.radius : 8) / 2;
    rows = rows > least ? rows : least; /* else nearly all work is overlap */
    s->step = rows > t->height ? t->height : (int32_t)ceil(rows);
    /* floats of colour and alpha, twice while one is shrunk or copied */
    double pixel = drn_work_direct(&s->work)
                       ? 2.0 * s->info.bands * (double)drn_depth_size(s->info.depth)
                       : 8.0 * (s->info.bands + 1);
    s->max_pixels = (double)left / 3 / pixel;
}

/* The window slides down: rows from first on, count of them. */
static drn_status slide(stream *s, int32_t first, int32_t count, drn_error *err)
{
    size_t row = (size_t)s->info.width * (size_t)s->info.bands * drn_depth_size(s->info.depth);
    drn_image *next;
    DRN_TRY(drn_image_new(&next, s->info.width, count, s->info.bands, s->info.depth, err));
    int32_t kept = s->window ? s->first + s->rows - first : 0;
    if (kept > 0)
        memcpy(next->data, (char *)s->window->data + (size_t)(first - s->first) * row,
               (size_t)kept * row);
    drn_image_free(s->window);
    s->window = next;
    s->first = first;
    s->rows = count;
    return drn_row_reader_read(s->reader, (char *)next->data + (size_t)kept * row, count - kept,
                               err);
}

static drn_status make_strip(stream *s, int32_t y, int32_t count, drn_error *err)
{
    const drn_upscale_target *t = &s->work.t;
    int32_t first, n;
    drn_image *out;
    drn_work_rows(&s->work, &first, &n, y, count);
    DRN_TRY(slide(s, first, n, err));
    DRN_TRY(drn_image_new(&out, t->width, count, s->info.bands, s->info.depth, err));
    drn_status st = drn_work_band(&s->work, out, y, &(drn_rows){s->window, first}, y, count,
                                  s->max_pixels, err);
    if (st != DRN_OK) {
        drn_image_free(out);
        return st;
    }
    return drn_row_writer_write(s->writer, out, err);
}

static drn_status run(stream *s, const char *out, const drn_write_options *as, size_t memory,
                      drn_error *err)
{
    const drn_upscale_target *t = &s->work.t;
    drn_image like = {t->width, t->height, s->info.bands, s->info.depth, NULL, s->info.meta};
    divide(s, memory);
    DRN_TRY(drn_row_writer_open(&s->writer, out, &like, as, err));
    for (int32_t y = 0; y < t->height; y += s->step)
        DRN_TRY(make_strip(s, y, t->height - y < s->step ? t->height - y : s->step, err));
    drn_row_writer *w = s->writer;
    s->writer = NULL;
    return drn_row_writer_close(w, err);
}

drn_status drn_upscale_stream(const char *in, const char *out, const drn_model *model,
                              const drn_upscale_options *options, const drn_write_options *as,
                              size_t memory, drn_error *err)
{
    stream s = {0};
    drn_status st = DRN_OK;
    if (options && options->consistent > 0)
        return drn_fail(err, DRN_ERR_UNSUPPORTED,
                        "%s: projection onto the input needs the whole picture in memory", in);
    DRN_CHECK(drn_row_reader_open(&s.reader, &s.info, in, err));
    DRN_CHECK(drn_work_init(&s.work, &s.info, model, options, err));
    DRN_CHECK(run(&s, out, as, memory ? memory : DEFAULT_MEMORY, err));
    if (s.work.o.progress)
        s.work.o.progress(s.work.o.progress_ctx, 1);
done:
    drn_row_writer_abort(s.writer);
    drn_row_reader_free(s.reader);
    drn_work_clear(&s.work);
    drn_row_info_clear(&s.info);
    drn_image_free(s.window);
    return st;
}
