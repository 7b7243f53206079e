/* The module: where the launcher's processes are met. */
#ifndef DRN_COMM_MODULE_H
#define DRN_COMM_MODULE_H

#include "base/error.h"
#include "comm/api.h"

/* Find and load drn_mpi.so; it stays loaded.  DRN_ERR_UNSUPPORTED: the message says where it was looked for, or
 * what does not fit. */
drn_status drn_comm_module_load(const drn_comm_api **out, drn_error *err);

#endif
