#include "op_case.h"

#include "base/mem.h"
#include "base/pool.h"
#include "harness.h"
#include "loss/loss.h"

#include <float.h>

/* Where else the inputs are used: gradients must add up whatever the order. */
typedef enum usage { ALONE, USED_BEFORE, USED_AFTER, TWICE, USAGES } usage;

static const char *const usage_name[] = {"alone", "used before", "used after", "twice"};

typedef struct setup {
    const op_case *t;
    usage how;
    drn_dtype type;
    drn_pool *pool;
    drn_params *p;
    drn_graph *g;
    drn_value in[DRN_MAX_INPUTS], y, loss, target[2 + 2 * DRN_MAX_INPUTS];
    int targets;
} setup;

#define FAIL(s, ...)                                                                               \
    do {                                                                                           \
        char what_[256];                                                                           \
        snprintf(what_, sizeof what_, __VA_ARGS__);                                                \
        test_fail(__FILE__, __LINE__, "%s (%s): %s", (s)->t->name, usage_name[(s)->how], what_);   \
    } while (0)

/* ---- data ---- */

/* Away from 0, where activations have their kink, and a float exactly. */
static double draw(drn_rng *rng)
{
    double v = drn_rng_normal(rng);
    return (double)(float)(v < 0 ? v - 0.05 : v + 0.05);
}

static double *random_plain(drn_shape s, drn_rng *rng)
{
    double *x = drn_alloc(plain_count(s) * sizeof *x);
    CHECK(x);
    for (size_t i = 0; i < plain_count(s); i++)
        x[i] = draw(rng);
    return x;
}

static void store(void *to, size_t i, double v, drn_dtype type)
{
    if (type == DRN_FLOAT64)
        ((double *)to)[i] = v;
    else
        ((float *)to)[i] = (float)v;
}

static double load(const void *from, size_t i, drn_dtype type)
{
    return type == DRN_FLOAT64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

/* Place of plain element i in the layout of a value; parameters are plain. */
static size_t place(drn_shape s, size_t i, bool param)
{
    if (param)
        return i;
    size_t w = (size_t)s.w, h = (size_t)s.h, c = (size_t)s.c;
    return drn_at(s, (int32_t)(i / (c * h * w)), (int32_t)(i / (h * w) % c), (int32_t)(i / w % h),
                  (int32_t)(i % w));
}

static bool is_param(const op_case *t, int k)
{
    return t->params >> k & 1;
}

static int origin(const op_case *t, int k)
{
    return t->same >> k & 1 ? 0 : k;
}

static void input_name(char name[24], int k)
{
    snprintf(name, 24, "in%d", k);
}

static void *input_data(const setup *s, int k)
{
    char name[24];
    input_name(name, k);
    return is_param(s->t, k) ? drn_params_value(s->p, drn_params_find(s->p, name))
                             : drn_graph_data(s->g, s->in[k]);
}

static void *input_grad(const setup *s, int k)
{
    char name[24];
    input_name(name, k);
    return is_param(s->t, k) ? drn_params_grad(s->p, drn_params_find(s->p, name))
                             : drn_graph_grad(s->g, s->in[k]);
}

/* Values of input k: the same for every graph of a case.  Variances are positive. */
static double *input_plain(const op_case *t, int k)
{
    drn_rng rng;
    drn_rng_seed(&rng, 77, (uint64_t)k);
    double *x = random_plain(t->in[k], &rng);
    for (size_t i = 0; t->fixed >> k & 1 && i < plain_count(t->in[k]); i++)
        x[i] = fabs(x[i]);
    return x;
}

static void fill_inputs(setup *s)
{
    for (int k = 0; k < s->t->inputs; k++) {
        if (origin(s->t, k) != k)
            continue;
        double *x = input_plain(s->t, k);
        void *to = input_data(s, k);
        for (size_t i = 0; i < plain_count(s->t->in[k]); i++)
            store(to, place(s->t->in[k], i, is_param(s->t, k)), x[i], s->type);
        drn_free(x);
    }
    for (int i = 0; i < s->targets; i++) {
        drn_rng rng;
        drn_rng_seed(&rng, 78, (uint64_t)i);
        drn_shape shape = drn_graph_shape(s->g, s->target[i]);
        for (size_t j = 0; j < plain_count(shape); j++)
            store(drn_graph_data(s->g, s->target[i]), j, draw(&rng), s->type);
    }
}

/* ---- graphs ---- */

/* Scalar that depends on every element of v: 1x1 convolution to 3 channels, then the squared
 * distance to a random target. */
static void observe(setup *s, drn_value v)
{
    drn_shape shape = drn_graph_shape(s->g, v);
    char name[24];
    snprintf(name, sizeof name, "probe%d", shape.c);
    drn_value w = drn_graph_param(s->g, s->p, name);
    drn_attr conv = {.stride = 1}, sum = {.sum = true};
    drn_value image = drn_graph_apply(s->g, &drn_op_conv2d, &conv, (drn_value[]){v, w}, 2);
    drn_value t = drn_graph_input(s->g, drn_graph_shape(s->g, image), false);
    s->target[s->targets++] = t;
    drn_value l =
        drn_graph_apply(s->g, drn_loss_op(DRN_LOSS_MSE), &sum, (drn_value[]){image, t}, 2);
    s->loss =
        s->loss < 0 ? l : drn_graph_apply(s->g, &drn_op_add, NULL, (drn_value[]){s->loss, l}, 2);
}

static void observe_inputs(setup *s)
{
    for (int k = 0; k < s->t->inputs; k++)
        if (origin(s->t, k) == k && !is_param(s->t, k)) {
            drn_attr a = {.alpha = 0.7};
            observe(s, drn_graph_apply(s->g, &drn_op_scale, &a, &s->in[k], 1));
        }
}

static void declare(setup *s)
{
    drn_error err = {0};
    drn_shape out;
    char name[24];
    CHECK_OK(drn_params_new(&s->p, s->type, &err), err);
    for (int k = 0; k < s->t->inputs; k++) {
        input_name(name, k);
        if (is_param(s->t, k))
            CHECK_OK(drn_params_add(s->p, name, s->t->in[k], 1, 0, &err), err);
    }
    CHECK_OK(s->t->op->shape(&out, s->t->in, s->t->inputs, &s->t->attr, &err), err);
    for (int k = -1; k < s->t->inputs; k++) {
        int32_t c = k < 0 ? out.c : s->t->in[k].c;
        snprintf(name, sizeof name, "probe%d", c);
        if (!drn_params_find(s->p, name))
            CHECK_OK(drn_params_add(s->p, name, (drn_shape){3, c, 1, 1}, 0.5, 0, &err), err);
    }
    CHECK_OK(drn_params_allocate(s->p, true, &err), err);
    drn_rng rng;
    drn_rng_seed(&rng, 79, 0);
    drn_params_init(s->p, &rng);
}

static setup make(const op_case *t, usage how, drn_dtype type, bool training, drn_pool *pool)
{
    setup s = {.t = t, .how = how, .type = type, .pool = pool, .loss = -1};
    drn_error err = {0};
    char name[24];
    declare(&s);
    CHECK_OK(drn_graph_new(&s.g, type, &err), err);
    for (int k = 0; k < t->inputs; k++) {
        input_name(name, k);
        s.in[k] = is_param(t, k)      ? drn_graph_param(s.g, s.p, name)
                  : origin(t, k) != k ? s.in[0]
                                      : drn_graph_input(s.g, t->in[k], true);
    }
    if (how == USED_BEFORE)
        observe_inputs(&s);
    s.y = drn_graph_apply(s.g, t->op, &t->attr, s.in, t->inputs);
    drn_graph_output(s.g, s.y);
    observe(&s, s.y);
    if (how == USED_AFTER)
        observe_inputs(&s);
    if (how == TWICE)
        observe(&s, drn_graph_apply(s.g, t->op, &t->attr, s.in, t->inputs));
    drn_plan_options plan = {.training = training, .loss = s.loss, .pool = pool};
    CHECK_OK(drn_graph_plan(s.g, &plan, &err), err);
    fill_inputs(&s);
    return s;
}

static void drop(setup *s)
{
    drn_graph_free(s->g);
    drn_params_free(s->p);
}

static double loss_at(setup *s)
{
    drn_graph_params_changed(s->g);
    drn_graph_forward(s->g);
    return load(drn_graph_data(s->g, s->loss), 0, s->type);
}

static void run_backward(setup *s)
{
    loss_at(s);
    drn_params_zero_grad(s->p);
    drn_graph_backward(s->g);
}

/* ---- checks ---- */

/* Lanes past the last channel hold zeros. */
static void check_lanes(const setup *s, const void *data, drn_shape shape, const char *what)
{
    drn_shape padded = shape;
    padded.c = drn_padded_channels(shape.c);
    for (size_t i = 0; i < plain_count(padded); i++) {
        size_t plane = i / ((size_t)padded.h * (size_t)padded.w);
        if ((int32_t)(plane % (size_t)padded.c) >= shape.c &&
            load(data, place(padded, i, false), s->type) != 0)
            FAIL(s, "%s: a zero lane holds %g", what, load(data, place(padded, i, false), s->type));
    }
}

static void check_forward(const op_case *t, bool training)
{
    setup s = make(t, ALONE, DRN_FLOAT64, training, NULL);
    drn_shape out = drn_graph_shape(s.g, s.y);
    double *x[DRN_MAX_INPUTS], *want = drn_alloc(plain_count(out) * sizeof *want);
    CHECK(want);
    for (int k = 0; k < t->inputs; k++)
        x[k] = origin(t, k) == k ? input_plain(t, k) : x[0];
    t->naive(want, out, x, t->in, t->inputs, &t->attr, training);
    drn_graph_forward(s.g);
    const double *y = drn_graph_data(s.g, s.y);
    for (size_t i = 0; i < plain_count(out); i++) {
        double got = y[place(out, i, false)];
        if (!(fabs(got - want[i]) <= 1e-12 * (1 + fabs(want[i]))))
            FAIL(&s, "output %zu is %.17g, expected %.17g", i, got, want[i]);
    }
    check_lanes(&s, y, out, "output");
    for (int k = 0; k < t->inputs; k++)
        if (origin(t, k) == k)
            drn_free(x[k]);
    drn_free(want);
    drop(&s);
}

/* Central difference of the loss by element i of input k.  All but batch_norm (the one with running
 * statistics) make it piecewise quadratic, for which a large step is exact. */
static double difference(setup *s, int k, size_t i)
{
    double *x = (double *)input_data(s, k) + place(s->t->in[k], i, is_param(s->t, k));
    double keep = *x, h = s->t->fixed ? 1e-5 : 1e-3;
    *x = keep + h;
    double up = loss_at(s);
    *x = keep - h;
    double down = loss_at(s);
    *x = keep;
    return (up - down) / (2 * h);
}

/* Gradients are copied first: the next forward pass uses their memory. */
static void check_gradient(const op_case *t, usage how)
{
    setup s = make(t, how, DRN_FLOAT64, true, NULL);
    for (int k = 0; k < t->inputs; k++) {
        if (origin(t, k) != k || (t->fixed >> k & 1))
            continue;
        size_t n = plain_count(t->in[k]);
        run_backward(&s);
        double *d = input_grad(&s, k), *copy = drn_alloc(n * sizeof *copy);
        CHECK(d && copy);
        if (!is_param(t, k))
            check_lanes(&s, d, t->in[k], "gradient");
        for (size_t i = 0; i < n; i++)
            copy[i] = d[place(t->in[k], i, is_param(t, k))];
        for (size_t i = 0; i < n; i += 1 + n / 60) {
            double got = copy[i], want = difference(&s, k, i);
            if (!(fabs(got - want) <= 2e-7 * (1 + fabs(want))))
                FAIL(&s, "gradient of input %d, element %zu is %.12g, central difference %.12g", k,
                     i, got, want);
        }
        drn_free(copy);
    }
    drop(&s);
}

/* A second backward pass without clearing doubles the gradients of parameters, not those of inputs.
 */
static void check_accumulation(const op_case *t)
{
    setup s = make(t, TWICE, DRN_FLOAT64, true, NULL);
    for (int k = 0; k < t->inputs; k++) {
        size_t n = is_param(t, k) ? plain_count(t->in[k]) : drn_elements(t->in[k]);
        double *once = drn_alloc(n * sizeof *once), factor = is_param(t, k) ? 2 : 1;
        CHECK(once);
        run_backward(&s);
        memcpy(once, input_grad(&s, k), n * sizeof *once);
        drn_graph_forward(s.g);
        drn_graph_backward(s.g);
        const double *twice = input_grad(&s, k);
        for (size_t i = 0; i < n; i++)
            if (!(fabs(twice[i] - factor * once[i]) <= 1e-12 * (1 + fabs(once[i]))))
                FAIL(&s,
                     "gradient of input %d, element %zu is %.12g after two passes, %.12g after one",
                     k, i, twice[i], once[i]);
        drn_free(once);
    }
    drop(&s);
}

/* Float, through the kernels of this CPU, against double: 1e-4 of the largest gradient. */
static void check_float(const op_case *t, usage how)
{
    setup a = make(t, how, DRN_FLOAT32, true, NULL), b = make(t, how, DRN_FLOAT64, true, NULL);
    run_backward(&a);
    run_backward(&b);
    for (int k = 0; k < t->inputs; k++) {
        const void *da = input_grad(&a, k), *db = input_grad(&b, k);
        double most = 0;
        for (size_t i = 0; i < plain_count(t->in[k]); i++)
            most = fmax(most, fabs(load(db, place(t->in[k], i, is_param(t, k)), DRN_FLOAT64)));
        for (size_t i = 0; i < plain_count(t->in[k]); i++) {
            size_t at = place(t->in[k], i, is_param(t, k));
            double x = load(da, at, DRN_FLOAT32), y = load(db, at, DRN_FLOAT64);
            if (!(fabs(x - y) <= 1e-4 * most))
                FAIL(&a,
                     "float gradient of input %d, element %zu is %.9g, in double %.9g (largest %g)",
                     k, i, x, y, most);
        }
        if (!is_param(t, k))
            check_lanes(&a, da, t->in[k], "float gradient");
    }
    drop(&a);
    drop(&b);
}

/* 1, 2 and 7 threads: the same bits of output and gradients. */
static void check_threads(const op_case *t, drn_dtype type)
{
    static const int threads[] = {2, 7};
    setup one = make(t, TWICE, type, true, NULL);
    run_backward(&one);
    for (int i = 0; i < 2; i++) {
        drn_error err = {0};
        drn_pool *pool;
        CHECK_OK(drn_pool_new(&pool, threads[i], &err), err);
        setup many = make(t, TWICE, type, true, pool);
        run_backward(&many);
        size_t size = drn_dtype_size(type), n = drn_elements(drn_graph_shape(one.g, one.y));
        if (memcmp(drn_graph_data(one.g, one.y), drn_graph_data(many.g, many.y), n * size) != 0)
            FAIL(&many, "output differs with %d threads", threads[i]);
        for (int k = 0; k < t->inputs; k++) {
            n = is_param(t, k) ? plain_count(t->in[k]) : drn_elements(t->in[k]);
            if (memcmp(input_grad(&one, k), input_grad(&many, k), n * size) != 0)
                FAIL(&many, "gradient of input %d differs with %d threads", k, threads[i]);
        }
        drop(&many);
        drn_pool_free(pool);
    }
    drop(&one);
}

void op_case_check(const op_case *t)
{
    check_forward(t, false);
    check_forward(t, true);
    for (usage how = ALONE; how < USAGES; how++) {
        check_gradient(t, how);
        check_float(t, how);
    }
    check_accumulation(t);
    check_threads(t, DRN_FLOAT32);
    check_threads(t, DRN_FLOAT64);
}
