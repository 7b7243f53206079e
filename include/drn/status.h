/* Result codes and error messages shared by the whole library. */
#ifndef DRN_STATUS_H
#define DRN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came back with.  The values are part of the ABI and never change. */
typedef enum drn_status {
    DRN_OK = 0,
    DRN_ERR_INVALID = 1,     /* an argument or option makes no sense */
    DRN_ERR_NOMEM = 2,       /* memory, or an address range, was refused */
    DRN_ERR_IO = 3,          /* a file could not be opened, read or written */
    DRN_ERR_FORMAT = 4,      /* a file was read but is broken or of another kind */
    DRN_ERR_UNSUPPORTED = 5, /* correct, but this build or model cannot do it */
    DRN_ERR_CANCELLED = 6,   /* a callback or a signal asked to stop */
    DRN_ERR_NUMERIC = 7,     /* NaN or infinity where a finite number is needed */
    DRN_ERR_INTERNAL = 8,    /* a bug of this library */
    DRN_ERR_DEVICE = 9       /* the GPU or its driver is missing, too old, or failed */
} drn_status;

/** The message that belongs to a failure.  Zero-initialise it; callers own it. */
typedef struct drn_error {
    drn_status code;
    char message[512]; /* one line without control characters; says what to do next where it can */
} drn_error;

/** Name of a code, for example "DRN_ERR_IO".  Never NULL.  Thread-safe. */
const char *drn_status_name(drn_status code);

/** Version of the library, "major.minor.patch".  Thread-safe. */
const char *drn_version(void);

/** Remove the temporary files of everything that is being written now.  Only for a handler of a
 * signal that ends the process, which would leave them behind.  Async-signal-safe. */
void drn_unfinished_remove(void);

#ifdef __cplusplus
}
#endif
#endif
