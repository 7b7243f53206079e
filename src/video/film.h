/* What the parts of the video room share: a film, where its frames come from and where they go. */
#ifndef DRN_VIDEO_FILM_H
#define DRN_VIDEO_FILM_H

#include "drn/video.h"
#include "video/yuv.h"

/* A film as its file describes it. */
typedef struct drn_film {
    const char *name;       /* path, or "standard input"; borrowed */
    drn_yuv_format f;       /* of every frame; the matrix is what the frames are worked on with */
    int rate_num, rate_den; /* mean frames a second; 0/1: unknown */
    int tick_num, tick_den; /* unit of time stamps, seconds */
    int aspect_num, aspect_den;      /* shape of a pixel; 0/1: unknown */
    int64_t frames;                  /* 0: unknown */
    int matrix, primaries, transfer; /* as tagged, H.273; 2: not tagged */
    bool has_range;                  /* the film says whether it uses the full range */
    bool interlaced, uneven;         /* fields; frames of different durations */
    char codec[32];
} drn_film;

/* A frame; data is drn_yuv_size() bytes. */
typedef struct drn_frame {
    uint8_t *data;
    int64_t pts, duration; /* in ticks; strictly growing; duration 0: unknown */
} drn_frame;

/* Frames in order.  The functions are those of one kind of source. */
typedef struct drn_source {
    drn_film film;
    bool damaged_ok; /* leave out what cannot be decoded */
    /* Fill frame->data and its times; *end instead when there is none left. */
    drn_status (*next)(struct drn_source *s, drn_frame *frame, bool *end, drn_error *err);
    void (*close)(struct drn_source *s); /* frees s */
} drn_source;

/* Whoever runs the job: its listeners. */
typedef struct drn_listener {
    const drn_video_options *o;
    drn_video_progress at;
} drn_listener;

/* DRN_ERR_CANCELLED when the caller wants to stop. */
drn_status drn_listener_tell(drn_listener *l, drn_error *err);
void drn_listener_note(const drn_listener *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Where finished frames go.  What it has kept survives close() and the end of the process; finish()
 * makes the output appear. */
typedef struct drn_sink {
    int64_t done; /* frames kept so far */
    drn_status (*write)(struct drn_sink *s, const drn_frame *frame, drn_error *err);
    drn_status (*finish)(struct drn_sink *s, drn_listener *l, drn_error *err);
    void (*close)(struct drn_sink *s); /* frees s */
} drn_sink;

/* The matrix a film of that height is taken to have when it does not say. */
int drn_film_guess_matrix(int32_t height, drn_video_matrix wish);

/* The result's frames and tags: those of the film, with its size and depth changed. */
drn_film drn_film_enlarged(const drn_film *in, int32_t width, int32_t height);

#endif
