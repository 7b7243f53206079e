/* libdrn: image super-resolution by dual reconstruction networks.
 *
 *     #include <drn/drn.h>
 *     #include <stdio.h>
 *
 *     int main(void)
 *     {
 *         drn_error err = {0};
 *         drn_model *model = NULL;
 *         drn_image *in = NULL, *out = NULL;
 *         if (drn_model_load(&model, NULL, &err) != DRN_OK ||
 *             drn_image_read(&in, "small.jpg", &err) != DRN_OK ||
 *             drn_upscale(&out, in, model, NULL, &err) != DRN_OK ||
 *             drn_image_write(out, "large.png", NULL, &err) != DRN_OK)
 *             fprintf(stderr, "%s\n", err.message);
 *         drn_image_free(out);
 *         drn_image_free(in);
 *         drn_model_free(model);
 *         return err.code != DRN_OK;
 *     }
 */
#ifndef DRN_DRN_H
#define DRN_DRN_H

#include "drn/bench.h"
#include "drn/comm.h"
#include "drn/dataset.h"
#include "drn/device.h"
#include "drn/export.h"
#include "drn/figure.h"
#include "drn/image.h"
#include "drn/metrics.h"
#include "drn/model.h"
#include "drn/status.h"
#include "drn/study.h"
#include "drn/system.h"
#include "drn/traces.h"
#include "drn/train.h"
#include "drn/upscale.h"
#include "drn/video.h"

#endif
