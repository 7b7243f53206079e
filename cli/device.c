#include "device.h"

#include <stdio.h>

void announce_device(int device, bool quiet)
{
    char name[128];
    drn_error err = {0};
    if (device != DRN_DEVICE_AUTO || quiet)
        return;
    if (drn_device_check(DRN_DEVICE_CUDA, name, sizeof name, &err) == DRN_OK)
        fprintf(stderr, "drn: working on %s\n", name);
    else
        fprintf(stderr, "drn: working on the CPU (%s)\n", err.message);
}
