#include "upscale/meter.h"

bool drn_meter_tick(void *ctx, double part)
{
    drn_meter *m = ctx;
    return !m->fn || part >= 1 || m->fn(m->ctx, m->done + m->share * part);
}

drn_upscale_options drn_meter_part(drn_meter *m, double share, const drn_upscale_options *o)
{
    drn_upscale_options part = *o;
    m->share = share;
    part.progress = drn_meter_tick;
    part.progress_ctx = m;
    return part;
}

void drn_meter_next(drn_meter *m)
{
    m->done += m->share;
    m->share = 0;
}
