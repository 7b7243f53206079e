/* Builds without libvips: no pictures row by row. */
#include "image/stream.h"

drn_status drn_row_reader_open(drn_row_reader **out, drn_image *info, const char *path,
                               drn_error *err)
{
    (void)out;
    (void)info;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: too large for memory; a build with libvips works in strips", path);
}

drn_status drn_row_reader_read(drn_row_reader *r, void *rows, int32_t count, drn_error *err)
{
    (void)r;
    (void)rows;
    (void)count;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "built without libvips");
}

void drn_row_reader_free(drn_row_reader *r)
{
    (void)r;
}

void drn_row_info_clear(drn_image *info)
{
    (void)info;
}

drn_status drn_row_writer_open(drn_row_writer **out, const char *path, const drn_image *like,
                               const drn_write_options *options, drn_error *err)
{
    (void)out;
    (void)like;
    (void)options;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: built without libvips", path);
}

drn_status drn_row_writer_write(drn_row_writer *w, drn_image *strip, drn_error *err)
{
    (void)w;
    drn_image_free(strip);
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "built without libvips");
}

drn_status drn_row_writer_close(drn_row_writer *w, drn_error *err)
{
    (void)w;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "built without libvips");
}

void drn_row_writer_abort(drn_row_writer *w)
{
    (void)w;
}
