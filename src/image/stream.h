/* Pictures row by row, for those that do not fit into memory. */
#ifndef DRN_IMAGE_STREAM_H
#define DRN_IMAGE_STREAM_H

#include "base/error.h"
#include "drn/image.h"

/* Reads a picture's rows from top to bottom, as drn_image_read() would give them.  A picture that
 * has to be turned (EXIF orientation) is put into a temporary file first. */
typedef struct drn_row_reader drn_row_reader;

/* info: receives size, bands, depth, and metadata the caller frees with drn_row_info_clear(). */
drn_status drn_row_reader_open(drn_row_reader **out, drn_image *info, const char *path,
                               drn_error *err);
/* The next count rows to rows, without padding. */
drn_status drn_row_reader_read(drn_row_reader *r, void *rows, int32_t count, drn_error *err);
void drn_row_reader_free(drn_row_reader *r);
void drn_row_info_clear(drn_image *info);

/* Writes a picture's rows from top to bottom; the file appears complete or not at all.  A thread of
 * its own compresses one strip while the caller makes the next. */
typedef struct drn_row_writer drn_row_writer;

/* like: size, bands, depth and metadata of the picture; its metadata is copied. */
drn_status drn_row_writer_open(drn_row_writer **out, const char *path, const drn_image *like,
                               const drn_write_options *options, drn_error *err);
/* The next strip->height rows.  Takes the strip, also on failure; waits while one is being written.
 */
drn_status drn_row_writer_write(drn_row_writer *w, drn_image *strip, drn_error *err);
/* Wait for the end, and give the file its name.  Frees the writer in any case. */
drn_status drn_row_writer_close(drn_row_writer *w, drn_error *err);
/* Stop and remove what was written; NULL is fine. */
void drn_row_writer_abort(drn_row_writer *w);

#endif
