#include "models/drn_net.h"

#include <math.h>
#include <stdio.h>

/* Channel means of natural images, subtracted before the first layer so that zero padding is grey. */
static const double mean_rgb[3] = {0.4488, 0.4371, 0.4040};

int drn_net_levels(const drn_config *c)
{
    return c->scale == 8 ? 3 : c->scale == 4 ? 2 : 1;
}

bool drn_config_equal(const drn_config *a, const drn_config *b)
{
    return a->scale == b->scale && a->channels == b->channels && a->modules == b->modules &&
           a->progressive == b->progressive && a->dual == b->dual && a->skip == b->skip &&
           (!a->dual || a->dual_channels == b->dual_channels);
}

drn_status drn_config_check(const drn_config *c, drn_error *err)
{
    if (c->scale != 2 && c->scale != 4 && c->scale != 8)
        return drn_fail(err, DRN_ERR_INVALID, "model: scale %d is not 2, 4 or 8", c->scale);
    if (c->channels < 1 || c->channels > 1024)
        return drn_fail(err, DRN_ERR_INVALID, "model: %d channels, must be 1..1024", c->channels);
    if (c->modules < 0 || c->modules > 1024)
        return drn_fail(err, DRN_ERR_INVALID, "model: %d modules a block, must be 0..1024", c->modules);
    if (c->dual && (c->dual_channels < 1 || c->dual_channels > 1024))
        return drn_fail(err, DRN_ERR_INVALID, "model: %d dual channels, must be 1..1024", c->dual_channels);
    return DRN_OK;
}

/* ---- parameters ---- */

/* He initialisation: standard deviation sqrt(2 / fan-in), times gain. */
static drn_status declare_conv(drn_params *p, const char *name, int k, int c, int size, double gain,
                               drn_error *err)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    DRN_TRY(drn_params_add(p, full, (drn_shape){k, c, size, size},
                           gain * sqrt(2.0 / ((double)c * size * size)), 0, err));
    snprintf(full, sizeof full, "%s.bias", name);
    return drn_params_add(p, full, (drn_shape){k, 1, 1, 1}, 0, 0, err);
}

static drn_status declare_block(drn_params *p, const drn_config *c, int block, double init_scale,
                                drn_error *err)
{
    char name[48];
    for (int m = 1; m <= c->modules; m++) {
        snprintf(name, sizeof name, "block%d.module%d.conv1", block, m);
        DRN_TRY(declare_conv(p, name, c->channels, c->channels, 3, 1, err));
        snprintf(name, sizeof name, "block%d.module%d.conv2", block, m);
        DRN_TRY(declare_conv(p, name, c->channels, c->channels, 3, init_scale, err));
    }
    snprintf(name, sizeof name, "block%d.up", block);
    DRN_TRY(declare_conv(p, name, 4 * c->channels, c->channels, 3, 1, err));
    if (!c->progressive && block != drn_net_levels(c))
        return DRN_OK;
    snprintf(name, sizeof name, "block%d.image", block);
    return declare_conv(p, name, 3, c->channels, 3, 0.1, err);
}

/* A dual model shrinks by 2, or by the whole scale when there are no intermediate images; its kernel
 * covers every pixel: stride + 1. */
int drn_net_dual_stride(const drn_config *c)
{
    return c->progressive ? 2 : c->scale;
}

drn_status drn_net_declare(drn_params *p, const drn_config *c, double init_scale, drn_error *err)
{
    DRN_TRY(drn_config_check(c, err));
    DRN_TRY(declare_conv(p, "head", c->channels, 3, 3, 1, err));
    int levels = drn_net_levels(c);
    for (int b = 1; b <= levels; b++)
        DRN_TRY(declare_block(p, c, b, init_scale, err));
    for (int b = 1; c->dual && b <= levels; b++) {
        char name[48];
        if (!c->progressive && b != levels)
            continue;
        snprintf(name, sizeof name, "dual%d.conv1", b);
        DRN_TRY(declare_conv(p, name, c->dual_channels, 3, drn_net_dual_stride(c) + 1, 1, err));
        snprintf(name, sizeof name, "dual%d.conv2", b);
        DRN_TRY(declare_conv(p, name, 3, c->dual_channels, 3, 1, err));
    }
    return DRN_OK;
}

/* ---- the primal model ---- */

static drn_value apply1(drn_graph *g, const drn_op *op, const drn_attr *a, drn_value x)
{
    return drn_graph_apply(g, op, a, &x, 1);
}

static drn_value add(drn_graph *g, drn_value a, drn_value b)
{
    return drn_graph_apply(g, &drn_op_add, NULL, (drn_value[]){a, b}, 2);
}

static drn_value conv(drn_graph *g, drn_params *p, const char *name, drn_value x, int stride, int pad)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    drn_value w = drn_graph_param(g, p, full);
    snprintf(full, sizeof full, "%s.bias", name);
    drn_value b = drn_graph_param(g, p, full);
    return drn_graph_apply(g, &drn_op_conv2d, &(drn_attr){.stride = stride, .pad = pad},
                           (drn_value[]){x, w, b}, 3);
}

static drn_value relu(drn_graph *g, drn_value x)
{
    return apply1(g, &drn_op_leaky_relu, &(drn_attr){.slope = 0}, x);
}

/* Residual modules (conv, ReLU, conv, + identity) and the sub-pixel convolution. */
static drn_value block(drn_graph *g, drn_params *p, const drn_config *c, int number, drn_value x)
{
    char name[48];
    for (int m = 1; m <= c->modules; m++) {
        snprintf(name, sizeof name, "block%d.module%d.conv1", number, m);
        drn_value h = relu(g, conv(g, p, name, x, 1, 1));
        snprintf(name, sizeof name, "block%d.module%d.conv2", number, m);
        x = add(g, conv(g, p, name, h, 1, 1), x);
    }
    snprintf(name, sizeof name, "block%d.up", number);
    return apply1(g, &drn_op_pixel_shuffle, &(drn_attr){.factor = 2}, conv(g, p, name, x, 1, 1));
}

static drn_attr mean_shift(double sign)
{
    drn_attr a = {0};
    for (int i = 0; i < 3; i++) {
        a.mul[i] = 1;
        a.shift[i] = sign * mean_rgb[i];
    }
    return a;
}

/* Image head: what is missing in the bicubic enlargement of the image before, or the image itself. */
static drn_value image_head(drn_graph *g, drn_params *p, const drn_config *c, int number, drn_value x,
                            drn_value before, int factor)
{
    char name[48];
    drn_attr shift = mean_shift(1), enlarge = {.factor = factor};
    snprintf(name, sizeof name, "block%d.image", number);
    if (c->skip == DRN_SKIP_NONE)
        return apply1(g, &drn_op_affine, &shift, conv(g, p, name, x, 1, 1));
    drn_value bicubic = apply1(g, &drn_op_resize, &enlarge, before); /* first, so that fusion can add it */
    return add(g, conv(g, p, name, x, 1, 1), bicubic);
}

void drn_net_build(drn_net *net, drn_graph *g, drn_params *p, const drn_config *c, drn_value lr, int last)
{
    drn_attr shift = mean_shift(-1);
    drn_value x = conv(g, p, "head", apply1(g, &drn_op_affine, &shift, lr), 1, 1), before = lr;
    *net = (drn_net){.levels = last + 1, .lr = lr, .image = {-1, -1, -1}};
    for (int l = 0; l <= last; l++) {
        x = block(g, p, c, l + 1, x);
        if (!c->progressive && l != last)
            continue;
        before = net->image[l] = image_head(g, p, c, l + 1, x, before, c->progressive ? 2 : 2 << l);
    }
}

/* ---- the joint loss ---- */

static drn_value weighted(drn_graph *g, drn_value x, double weight)
{
    return weight == 1 ? x : apply1(g, &drn_op_scale, &(drn_attr){.alpha = weight}, x);
}

static drn_value loss_term(drn_graph *g, const drn_loss_config *o, drn_loss_kind kind, drn_value y,
                           drn_value target)
{
    drn_attr a = {.alpha = o->lambda, .eps = o->charbonnier, .sum = o->sum, .pixel = (int32_t)o->pixel};
    return drn_graph_apply(g, drn_loss_op(kind), &a, (drn_value[]){y, target}, 2);
}

/* D_l: convolution with stride, ReLU, convolution (section 4.2). */
static drn_value dual_model(drn_graph *g, drn_params *p, const drn_config *c, int number, drn_value y)
{
    char name[48];
    int stride = drn_net_dual_stride(c);
    snprintf(name, sizeof name, "dual%d.conv1", number);
    drn_value h = relu(g, conv(g, p, name, y, stride, stride / 2));
    snprintf(name, sizeof name, "dual%d.conv2", number);
    return conv(g, p, name, h, 1, 1);
}

drn_value drn_net_loss(drn_graph *g, drn_params *p, const drn_config *c, const drn_loss_config *o,
                       const drn_net *net, const drn_value *target, drn_value *primal)
{
    drn_value total = -1;
    for (int l = 0; l < net->levels; l++) {
        if (net->image[l] < 0)
            continue;
        drn_value term = loss_term(g, o, o->kind, net->image[l], target[l]);
        if (primal)
            *primal = term;
        total = total < 0 ? term : add(g, total, term);
        if (!c->dual || o->dual_weight == 0)
            continue;
        /* y^_(l-1), or y_(l-1) when the target is the true LR image; the lowest one is the input */
        drn_value back = net->lr;
        if (c->progressive && l > 0)
            back = o->dual_true_lr ? target[l - 1] : net->image[l - 1];
        if (o->dual_detach && back == net->image[l > 0 ? l - 1 : 0])
            back = apply1(g, &drn_op_detach, NULL, back);
        drn_value d = loss_term(g, o, o->dual_kind, dual_model(g, p, c, l + 1, net->image[l]), back);
        total = add(g, total, weighted(g, d, o->dual_weight));
    }
    return total;
}

drn_value drn_net_dual(drn_graph *g, drn_params *p, const drn_config *c, int level, drn_value y)
{
    return dual_model(g, p, c, level + 1, y);
}

/* Every 3x3 convolution sees one pixel further at its own scale; bicubic x2 two. */
int drn_net_receptive_radius(const drn_config *c)
{
    double radius = 1, pixel = 1; /* the head; size of a pixel of the level in LR pixels */
    for (int l = 0; l < drn_net_levels(c); l++) {
        radius += (2.0 * c->modules + 1) * pixel;
        pixel /= 2;
    }
    radius += pixel;          /* the last image head */
    return (int)ceil(radius) + 4; /* and the chain of bicubic enlargements, 2 + 1 + 1/2 at the most */
}
