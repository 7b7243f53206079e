/* Who started this process, by what launchers leave in the environment. */
#include "drn/comm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A variable as a number >= 0, or -1. */
static int number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || !*text)
        return -1;
    long v = strtol(text, &end, 10);
    return *end || v < 0 || v > INT_MAX ? -1 : (int)v;
}

int drn_comm_launched(int *rank)
{
    /* rank and number of processes; Slurm's own variables stand in every batch script and prove nothing */
    static const char *const names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                           {"PMI_RANK", "PMI_SIZE"},
                                           {"PMIX_RANK", "SLURM_STEP_NUM_TASKS"}};
    const char *setting = getenv("DRN_MPI");
    if (rank)
        *rank = 0;
    if (setting && strcmp(setting, "off") == 0)
        return 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int here = number(names[i][0]), world = number(names[i][1]);
        if (here < 0)
            continue;
        if (rank)
            *rank = here;
        return world > 0 ? world : 0;
    }
    return 1;
}
