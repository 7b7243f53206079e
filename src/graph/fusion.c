/* conv2d -> activation, conv2d -> add and, in inference, conv2d -> pixel shuffle become one node whose
 * kernel does all in its store; conv2d -> pixel shuffle -> conv2d to an image becomes one convolution. */
#include "graph/internal.h"

#include <string.h>

size_t drn_graph_uses(const drn_graph *g, drn_value v)
{
    size_t uses = 0;
    for (size_t i = 0; i < g->node_count; i++)
        for (int k = 0; !g->nodes[i].dead && k < g->nodes[i].inputs; k++)
            uses += g->nodes[i].in[k] == v;
    return uses;
}

static node *only_user(drn_graph *g, drn_value v)
{
    if (g->values[v].output || v == g->loss || drn_graph_uses(g, v) != 1)
        return NULL;
    for (size_t i = 0; i < g->node_count; i++)
        for (int k = 0; !g->nodes[i].dead && k < g->nodes[i].inputs; k++)
            if (g->nodes[i].in[k] == v)
                return &g->nodes[i];
    return NULL;
}

static void take_over(drn_graph *g, node *conv, node *user)
{
    conv->out = user->out;
    g->values[user->out].producer = (int32_t)(conv - g->nodes);
    user->dead = true;
}

/* Backward wants the sum before a PReLU, whose slopes may be negative or learned; a backend has no such
 * store.  Slopes are the convolution's parameter from here on. */
static bool absorb_slopes(const drn_graph *g, node *conv, const node *user)
{
    if (g->training || g->backend || conv->inputs >= DRN_MAX_INPUTS || g->values[user->in[1]].kind != VALUE_PARAM)
        return false;
    conv->attr.prelu = true;
    conv->in[conv->inputs++] = user->in[1];
    return true;
}

static bool absorb_activation(drn_graph *g, node *conv, node *user)
{
    bool prelu = user->op == &drn_op_prelu;
    if ((user->op != &drn_op_leaky_relu && !prelu) || conv->attr.activate || conv->attr.residual ||
        conv->attr.factor)
        return false;
    if (prelu && !absorb_slopes(g, conv, user))
        return false;
    conv->attr.activate = true;
    conv->attr.slope = user->attr.slope;
    take_over(g, conv, user);
    return true;
}

/* The other summand has to exist before the convolution runs.  Backward could not tell the activation's
 * sign from a sum, so both together are for inference only. */
static bool absorb_residual(drn_graph *g, node *conv, node *user)
{
    if (user->op != &drn_op_add || conv->attr.residual || conv->attr.factor || conv->inputs >= DRN_MAX_INPUTS ||
        (conv->attr.activate && g->training))
        return false;
    drn_value other = user->in[0] == conv->out ? user->in[1] : user->in[0];
    if (other == conv->out || g->values[other].producer >= (int32_t)(conv - g->nodes) ||
        g->values[other].kind == VALUE_PARAM)
        return false;
    conv->attr.residual = true;
    conv->in[conv->inputs++] = other;
    take_over(g, conv, user);
    return true;
}

static bool absorb_shuffle(drn_graph *g, node *conv, node *user)
{
    if (user->op != &drn_op_pixel_shuffle || g->training || conv->attr.residual || conv->attr.factor)
        return false;
    conv->attr.factor = user->attr.factor;
    take_over(g, conv, user);
    return true;
}

/* A 3x3 convolution with bias that keeps the size and does nothing behind but what is asked for. */
static bool plain_3x3(const drn_graph *g, const node *n, int32_t factor)
{
    drn_shape w = n->op == &drn_op_conv2d ? g->values[n->in[1]].shape : (drn_shape){0};
    return w.h == 3 && w.w == 3 && n->attr.stride == 1 && n->attr.pad == 1 && !n->attr.activate &&
           n->inputs - n->attr.residual == 3 && n->attr.factor == factor;
}

/* The sub-pixel convolution before an image head and the head. */
static void merge_up_image(drn_graph *g, node *up)
{
    node *head = plain_3x3(g, up, 2) && !up->attr.residual ? only_user(g, up->out) : NULL;
    if (!head || !plain_3x3(g, head, 0) || head->in[0] != up->out || g->values[head->out].shape.c >= DRN_BLOCK ||
        (head->attr.residual && head->in[3] == up->out))
        return;
    const drn_value in[] = {up->in[0], up->in[1], up->in[2], head->in[1], head->in[2], head->in[3]};
    memcpy(head->in, in, sizeof in);
    head->inputs += 2;
    head->op = &drn_op_up_image;
    up->dead = true;
}

void drn_graph_fuse(drn_graph *g)
{
    for (size_t i = 0; i < g->node_count; i++) {
        node *conv = &g->nodes[i];
        if (conv->dead || conv->op != &drn_op_conv2d)
            continue;
        for (node *user; (user = only_user(g, conv->out));)
            if (!absorb_activation(g, conv, user) && !absorb_residual(g, conv, user) &&
                !absorb_shuffle(g, conv, user))
                break;
    }
    for (size_t i = 0; g->merge && i < g->node_count; i++)
        if (!g->nodes[i].dead)
            merge_up_image(g, &g->nodes[i]);
}
