/* Shared libraries that may or may not be there. */
#ifndef DRN_CUDA_LIBRARY_H
#define DRN_CUDA_LIBRARY_H

#include <stdbool.h>

/* Looked for in this order: the file or folder that the environment variable names; where the loader looks; the
 * package nvidia/<package>/lib of Python environments; CUDA's own folders.  NULL: nowhere. */
void *drn_library_open(const char *variable, const char *file, const char *package);
/* *function = the symbol, whatever its type. */
bool drn_library_symbol(void *function, void *library, const char *name);

#endif
