#include "server/serve.h"

web_options web_options_default(void)
{
    return (web_options){
        .host = "127.0.0.1",
        .port = 0,
        .max_upload = 64 * 1000000,
        .max_pixels = 100 * 1000000,
        .jobs = 1,
        .queue = 16,
        .keep = 64,
        .keep_bytes = (int64_t)4 << 30,
        .keep_s = 3600,
        .slow_s = 20,
    };
}
