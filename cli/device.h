/* --device and --precision, alike for every command that has them. */
#ifndef DRN_CLI_DEVICE_H
#define DRN_CLI_DEVICE_H

#include "drn/device.h"

#include <stdbool.h>

#define DEVICE_OPTIONS                                                                             \
    OPT(CHOICE, device, "device", 0, .arg = "WHERE", .choices = "cpu|cuda|auto", .fallback = "cpu", \
        .doc = "where the network runs; cuda: an NVIDIA GPU; auto: the GPU when it can be used, else the CPU"), \
        OPT(CHOICE, precision, "precision", 0, .arg = "NUMBERS", .choices = "bf16|tf32|fp32",      \
            .fallback = "bf16", .doc = "arithmetic on a GPU; fp32 is the CPU's, and slower")

/* Say once which device auto has found. */
void announce_device(int device, bool quiet);

#endif
