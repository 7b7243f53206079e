#include "train/log.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Offset of the first line that is not of a step in 1..step. */
static off_t valid_length(FILE *f, int64_t step)
{
    char line[1024];
    off_t end = 0;
    while (fgets(line, sizeof line, f)) {
        long long n;
        if (!strchr(line, '\n') || sscanf(line, "{\"step\":%lld", &n) != 1 || n > step)
            break;
        end = ftello(f);
    }
    return end;
}

drn_status drn_log_open(FILE **out, const char *path, drn_error *err)
{
    FILE *f = fopen(path, "a+e");
    if (!f)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
    if (flock(fileno(f), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        fclose(f);
        return drn_fail(err, DRN_ERR_INVALID, "%s: another process is training this run", path);
    }
    *out = f;
    return DRN_OK;
}

drn_status drn_log_cut(FILE *log, const char *path, int64_t step, drn_error *err)
{
    rewind(log);
    off_t length = valid_length(log, step);
    if (ftruncate(fileno(log), length) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: %s", path, strerror(errno));
    fseeko(log, 0, SEEK_END);
    return DRN_OK;
}

drn_status drn_log_step(FILE *log, const drn_train_progress *p, const char *path, drn_error *err)
{
    fprintf(log,
            "{\"step\":%lld,\"loss\":%.9g,\"primal\":%.9g,\"lr\":%.9g,\"grad_norm\":%.9g,"
            "\"seconds\":%.3f,"
            "\"wait_share\":%.4f,\"memory_mb\":%.1f",
            (long long)p->step, p->loss, p->primal, p->lr, p->grad_norm, p->seconds, p->wait_share,
            p->memory_mb);
    if (p->ranks > 1)
        fprintf(log, ",\"ranks\":%d", p->ranks);
    if (p->ranks_share > 0)
        fprintf(log, ",\"ranks_share\":%.4f", p->ranks_share);
    if (p->skipped)
        fprintf(log, ",\"skipped\":%lld", (long long)p->skipped);
    if (p->validated)
        fprintf(log, ",\"val_psnr\":%.6f,\"best_psnr\":%.6f,\"val_gain\":%.6f", p->val_psnr, p->best_psnr,
                p->val_gain);
    if (p->validated && isfinite(p->seen_gain))
        fprintf(log, ",\"seen_gain\":%.6f", p->seen_gain);
    fputs("}\n", log);
    if (p->validated)
        fflush(log);
    if (ferror(log))
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", path, drn_write_reason(errno));
    return DRN_OK;
}

drn_status drn_log_flush(FILE *log, const char *path, drn_error *err)
{
    if (fflush(log) != 0 || fsync(fileno(log)) != 0)
        return drn_fail(err, DRN_ERR_IO, "%s: cannot write: %s", path, drn_write_reason(errno));
    return DRN_OK;
}
