/* Enlarge films: every frame by drn_upscale(), everything else as it was. */
#ifndef DRN_VIDEO_H
#define DRN_VIDEO_H

#include "drn/upscale.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How far a film is. */
typedef struct drn_video_progress {
    int64_t done;    /* frames enlarged and kept, those of an earlier run included */
    int64_t resumed; /* of these, from an earlier run */
    int64_t total;   /* frames in all, an estimate for most files; 0 = unknown */
    bool joining;    /* all frames are done, the result is being written */
} drn_video_progress;

/** Called on the calling thread often: several times a second while it waits for frames; false cancels. */
typedef bool (*drn_video_progress_fn)(void *ctx, const drn_video_progress *progress);

/** Called on the calling thread with a line worth telling: what cannot be kept, what is assumed. */
typedef void (*drn_video_note_fn)(void *ctx, const char *line);

/** What is known of a film before its frames are read. */
typedef struct drn_video_info {
    int32_t width, height;  /* of the stored frames, before rotation and pixel aspect */
    int64_t frames;         /* 0 = unknown */
    int rate_num, rate_den; /* mean frames a second; 0/1 = unknown */
    int depth;              /* bits a sample */
    char codec[32];         /* "h264"; "y4m" */
    char pixels[64];        /* "4:2:0 bt709 limited 8 bits" */
} drn_video_info;

/** Colour matrices one can name for films that do not say theirs. */
typedef enum drn_video_matrix {
    DRN_VIDEO_MATRIX_GUESS = 0, /* BT.601 up to 576 rows, else BT.709 */
    DRN_VIDEO_MATRIX_601 = 1,
    DRN_VIDEO_MATRIX_709 = 2,
    DRN_VIDEO_MATRIX_2020 = 3
} drn_video_matrix;

/** Zero-initialise for the defaults. */
typedef struct drn_video_options {
    /* Size, ensemble, consistent, tile, device, numbers and threads (all in all) are used; progress
     * is not. */
    drn_upscale_options upscale;
    int parallel; /* frames worked on at the same time, 1..64; 0 = chosen from the cores */

    const char *codec; /* x264, x265, av1, vp9, ffv1; NULL = what suits the file name */
    double crf; /* constant quality, smaller is better; without has_crf the codec's default */
    bool has_crf;
    const char *preset;      /* speed of the encoder, as it names it; NULL = its default */
    int depth;               /* bits a sample of the result, 8, 10 or 12; 0 = as the input */
    drn_video_matrix matrix; /* of inputs that do not say */
    bool drop;      /* leave out streams that the output's format cannot hold, instead of failing */
    bool damaged;   /* go on behind frames that cannot be decoded, instead of failing */
    bool overwrite; /* replace an existing output */
    bool restart;   /* throw away what an interrupted run has left */
    int part;       /* frames encoded as a unit, 1..10000; 0 = about two seconds */

    drn_video_progress_fn progress; /* may be NULL */
    void *progress_ctx;
    drn_video_note_fn note; /* may be NULL */
    void *note_ctx;
} drn_video_options;

/** What came out. */
typedef struct drn_video_result {
    int32_t width, height;
    int64_t frames, resumed; /* written; of these, from an earlier run */
} drn_video_result;

/** Whether films other than y4m can be read and written: the build has FFmpeg's libraries. */
bool drn_video_has_ffmpeg(void);

/** The i-th codec of this build ("x264"), or NULL past the last.  Thread-safe. */
const char *drn_video_codec(size_t i);

/** Look at a film.
 *  @param info  filled on success, untouched on failure.
 *  @return as drn_video_upscale().  Thread-safe. */
drn_status drn_video_probe(drn_video_info *info, const char *path, drn_error *err);

/** Enlarge a film.  The picture is enlarged frame by frame, several at the same time; time stamps,
 * colour tags, pixel aspect, rotation, sound, subtitles, chapters and metadata are copied.  What is
 * finished is kept in the folder OUT.part, so that a run that was cancelled, killed or ran out of
 * disk goes on there when it is called again; the output appears complete or not at all, and the
 * folder goes then.
 *
 *  Memory: parallel + 2 frames and their enlargements, and the network's for each of the parallel
 * ones.
 *
 *  FFmpeg's messages are taken off the standard error (av_log_set_callback()) by the first call.
 *
 *  @param in     a file, or "-": y4m on the standard input.
 *  @param out    a file whose suffix names the format, .y4m for raw frames, or "-": y4m on the
 * standard output, which cannot be resumed.
 *  @param options  borrowed, may be NULL.
 *  @param result   may be NULL.
 *  @return DRN_OK | DRN_ERR_IO | DRN_ERR_FORMAT (damaged) | DRN_ERR_UNSUPPORTED (no such codec or
 * format in this build) | DRN_ERR_INVALID (sizes; OUT.part was begun with other options) |
 * DRN_ERR_CANCELLED | DRN_ERR_DEVICE (upscale.device) | DRN_ERR_NOMEM.  Thread-safe for different
 * outputs. */
drn_status drn_video_upscale(const char *in, const char *out, const drn_model *model,
                             const drn_video_options *options, drn_video_result *result,
                             drn_error *err);

#ifdef __cplusplus
}
#endif
#endif
