/* What a module offers that knows how to talk to other processes: drn_mpi.so is one.  It is built apart, against
 * whatever MPI a site has, and uses nothing of the program. */
#ifndef DRN_COMM_API_H
#define DRN_COMM_API_H

enum { DRN_COMM_API = 1 /* raise when the struct changes */ };
#define DRN_COMM_SYMBOL "drn_comm_module"

/* Functions return 0, or a code that explain() knows.  At most one collective is under way; it is finished when
 * test() says so, and its buffers stay where they are until then. */
typedef struct drn_comm_api {
    int version;
    int (*start)(int *rank, int *world);
    int (*end)(void);
    int (*all_gather)(void *all, const void *mine, int bytes); /* all[world][bytes] */
    int (*all_to_all)(void *to, const void *from, int bytes);  /* [world][bytes] each */
    int (*broadcast)(void *data, int bytes);                   /* from rank 0 */
    int (*test)(int *done);
    int (*post)(const void *data, int bytes, int to); /* copies data */
    int (*arrived)(int *from, int *bytes);            /* from -1: nothing */
    int (*take)(void *data, int bytes, int from);
    void (*explain)(int code, char *text, int size);
} drn_comm_api;

#endif
