/* What `drn doctor` finds out, apart from how it prints it. */
#ifndef DRN_CLI_CHECKUP_H
#define DRN_CLI_CHECKUP_H

#include "drn/device.h"
#include "drn/system.h"

enum { CHECKUP_MODELS = 32, CHECKUP_FORMATS = 10 };

typedef struct checkup_model {
    const char *name;
    char sha256[65];
    double difference; /* from double precision */
    bool on_gpu;       /* tested there, too */
    drn_error why;     /* code DRN_OK: all is well */
} checkup_model;

typedef struct checkup {
    drn_machine machine;
    double peak; /* GFLOP/s; 0: not measured */
    bool gpu_found;
    drn_device_info gpu;
    drn_error gpu_why; /* why none was found */
    checkup_model model[CHECKUP_MODELS];
    size_t models;
    drn_status format[CHECKUP_FORMATS]; /* DRN_ERR_UNSUPPORTED: not in this build */
} checkup;

/* ".png" and so on. */
const char *checkup_suffix(size_t format);
/* c is zero.  names: the models to test, built-in ones or files; none: all that are built in. */
void checkup_run(checkup *c, bool peak, const char *const *names, size_t count);
/* Nothing is wrong; things may be missing. */
bool checkup_ok(const checkup *c);

#endif
