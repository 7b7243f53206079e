/* Builds without FFmpeg's libraries: y4m only. */
#include "video/ffmpeg.h"

bool drn_video_has_ffmpeg(void)
{
    return false;
}

const char *drn_video_codec(size_t i)
{
    (void)i;
    return NULL;
}

drn_status drn_ffmpeg_open(drn_source **out, const char *path, const drn_listener *l,
                           drn_error *err)
{
    (void)out;
    (void)l;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build reads only y4m; with the ffmpeg program: ffmpeg -i IN -f "
                    "yuv4mpegpipe -strict -1 - | "
                    "drn video - -o - | ffmpeg -i - OUT",
                    path);
}

drn_status drn_ffmpeg_choose(drn_ffmpeg_choice *c, drn_film *film, const char *out,
                             const drn_listener *l, drn_error *err)
{
    (void)c;
    (void)film;
    (void)l;
    return drn_fail(err, DRN_ERR_UNSUPPORTED,
                    "%s: this build writes only y4m; name a .y4m file, or -o - and pipe it into "
                    "ffmpeg -i - OUT",
                    out);
}

drn_status drn_ffmpeg_sink(drn_sink **out, const drn_ffmpeg_job *job, drn_error *err)
{
    (void)out;
    return drn_fail(err, DRN_ERR_UNSUPPORTED, "%s: this build writes only y4m", job->out);
}
