/* The network against PyTorch: images, joint losses, gradients of all parameters and ten steps of
 * Adam as tools/golden/make_parity.py computed them in double. */
#include "base/mem.h"
#include "base/pool.h"
#include "harness.h"
#include "io/safetensors.h"
#include "models/drn_net.h"

#include <stdlib.h>

typedef struct parity {
    const char *name;
    drn_safetensors *file;
    drn_config config;
    drn_loss_config loss_config;
    drn_dtype type;
    drn_params *p;
    drn_graph *g;
    drn_value lr, target[DRN_MAX_LEVELS], image, primal, loss;
    void *m, *v; /* Adam's moments */
} parity;

/* ---- the file ---- */

static double number(const parity *t, const char *key)
{
    const char *s = drn_safetensors_meta(t->file, key);
    if (!s)
        test_fail(__FILE__, __LINE__, "%s: no %s in the metadata", t->name, key);
    return strtod(s, NULL);
}

static bool is(const parity *t, const char *key, const char *value)
{
    const char *s = drn_safetensors_meta(t->file, key);
    return s && strcmp(s, value) == 0;
}

static drn_loss_kind kind_of(const parity *t, const char *key)
{
    static const char *const names[] = {"mse", "mae", "charbonnier", "gradient", "gradient_pixel",
                                        "gs"};
    for (int i = 0; i < 6; i++)
        if (is(t, key, names[i]))
            return (drn_loss_kind)i;
    test_fail(__FILE__, __LINE__, "%s: unknown %s", t->name, key);
}

static void read_config(parity *t)
{
    t->config = (drn_config){
        .scale = (int)number(t, "scale"),
        .channels = (int)number(t, "channels"),
        .modules = (int)number(t, "modules"),
        .progressive = number(t, "progressive") != 0,
        .dual = number(t, "dual") != 0,
        .dual_channels = (int)number(t, "dual_channels"),
        .skip = is(t, "skip", "none") ? DRN_SKIP_NONE : DRN_SKIP_BICUBIC,
    };
    t->loss_config = (drn_loss_config){
        .kind = kind_of(t, "loss"),
        .dual_kind = kind_of(t, "dual_loss"),
        .lambda = number(t, "lambda"),
        .charbonnier = number(t, "charbonnier"),
        .pixel = DRN_LOSS_MAE,
        .dual_weight = number(t, "dual_weight"),
        .dual_true_lr = is(t, "dual_target", "true"),
        .dual_detach = number(t, "dual_detach") != 0,
    };
}

/* A tensor as doubles; the caller frees. */
static double *tensor(const parity *t, const char *prefix, const char *name, size_t count)
{
    char full[96];
    drn_error err = {0};
    const drn_st_tensor *s;
    snprintf(full, sizeof full, "%s%s", prefix, name);
    CHECK_OK(drn_safetensors_get(&s, t->file, full, &err), err);
    CHECK_INT(s->elements, count);
    double *out = drn_alloc(count * sizeof *out);
    CHECK(out);
    CHECK(s->dtype == DRN_ST_F64 || s->dtype == DRN_ST_F32);
    for (size_t i = 0; i < count; i++) {
        float single;
        const char *at = (const char *)s->data + i * drn_st_dtype_size(s->dtype);
        if (s->dtype == DRN_ST_F64) {
            memcpy(&out[i], at, sizeof *out);
        } else {
            memcpy(&single, at, sizeof single);
            out[i] = (double)single;
        }
    }
    return out;
}

static drn_shape shape_of(const parity *t, const char *name)
{
    drn_error err = {0};
    const drn_st_tensor *s;
    CHECK_OK(drn_safetensors_get(&s, t->file, name, &err), err);
    CHECK_INT(s->ndim, 4);
    return (drn_shape){(int32_t)s->shape[0], (int32_t)s->shape[1], (int32_t)s->shape[2],
                       (int32_t)s->shape[3]};
}

/* ---- our network ---- */

static double get(const void *data, size_t i, drn_dtype type)
{
    return type == DRN_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void put(void *data, size_t i, double x, drn_dtype type)
{
    if (type == DRN_FLOAT64)
        ((double *)data)[i] = x;
    else
        ((float *)data)[i] = (float)x;
}

/* Images have 3 channels: the layout is plain. */
static void fill_image(parity *t, drn_value v, const char *name)
{
    size_t n = drn_elements(drn_graph_shape(t->g, v));
    double *x = tensor(t, "", name, n);
    for (size_t i = 0; i < n; i++)
        put(drn_graph_data(t->g, v), i, x[i], t->type);
    drn_free(x);
}

static void fill_params(parity *t)
{
    size_t init = 0;
    for (size_t i = 0; i < drn_safetensors_count(t->file); i++)
        init += strncmp(drn_safetensors_at(t->file, i)->name, "init.", 5) == 0;
    CHECK_INT(t->p->count, init);
    for (size_t i = 0; i < t->p->count; i++) {
        const drn_param *q = &t->p->list[i];
        double *x = tensor(t, "init.", q->name, q->count);
        for (size_t j = 0; j < q->count; j++)
            put(drn_params_value(t->p, q), j, x[j], t->type);
        drn_free(x);
    }
}

static void build(parity *t, drn_pool *pool)
{
    drn_error err = {0};
    drn_net net;
    int levels = drn_net_levels(&t->config);
    char name[24];
    CHECK_OK(drn_params_new(&t->p, t->type, &err), err);
    CHECK_OK(drn_net_declare(t->p, &t->config, 1, &err), err);
    CHECK_OK(drn_params_allocate(t->p, true, &err), err);
    CHECK_OK(drn_graph_new(&t->g, t->type, &err), err);
    t->lr = drn_graph_input(t->g, shape_of(t, "lr"), false);
    for (int l = 0; l < levels; l++) {
        snprintf(name, sizeof name, "target%d", l + 1);
        t->target[l] = drn_graph_input(t->g, shape_of(t, name), false);
    }
    drn_net_build(&net, t->g, t->p, &t->config, t->lr, levels - 1);
    t->image = net.image[levels - 1];
    t->loss = drn_net_loss(t->g, t->p, &t->config, &t->loss_config, &net, t->target, &t->primal);
    drn_graph_output(t->g, t->image);
    drn_graph_output(t->g, t->primal);
    drn_plan_options plan = {.training = true, .loss = t->loss, .pool = pool};
    CHECK_OK(drn_graph_plan(t->g, &plan, &err), err);
    fill_image(t, t->lr, "lr");
    for (int l = 0; l < levels; l++) {
        snprintf(name, sizeof name, "target%d", l + 1);
        fill_image(t, t->target[l], name);
    }
    fill_params(t);
    t->m = drn_calloc(t->p->elements, drn_dtype_size(t->type));
    t->v = drn_calloc(t->p->elements, drn_dtype_size(t->type));
    CHECK(t->m && t->v);
}

static parity open_case(const char *name, drn_dtype type, drn_pool *pool)
{
    parity t = {.name = name, .type = type};
    drn_error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/%s.safetensors", DRN_PARITY_DIR, name);
    CHECK_OK(drn_safetensors_open(&t.file, path, &err), err);
    read_config(&t);
    build(&t, pool);
    return t;
}

static void close_case(parity *t)
{
    drn_graph_free(t->g);
    drn_params_free(t->p);
    drn_safetensors_free(t->file);
    drn_free(t->m);
    drn_free(t->v);
}

static void backward(parity *t)
{
    drn_graph_params_changed(t->g);
    drn_graph_forward(t->g);
    drn_params_zero_grad(t->p);
    drn_graph_backward(t->g);
}

/* ---- comparison ---- */

/* Largest |a - b| over the largest |b|. */
static double distance(const void *a, const double *b, size_t n, drn_dtype type)
{
    double most = 0, far = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs(get(a, i, type) - b[i]);
        most = fmax(most, fabs(b[i]));
        far = d > far || isnan(d) ? d : far;
    }
    return most > 0 ? far / most : far;
}

static void check_image(const parity *t, double bound)
{
    size_t n = drn_elements(drn_graph_shape(t->g, t->image));
    double *want = tensor(t, "", "image", n),
           d = distance(drn_graph_data(t->g, t->image), want, n, t->type);
    if (!(d <= bound))
        test_fail(__FILE__, __LINE__, "%s: the image differs by %g, allowed %g", t->name, d, bound);
    drn_free(want);
}

/* Every parameter's gradient (or value after Adam) relative to its own largest. */
static void check_params(const parity *t, const char *prefix, const char *vector, double bound)
{
    for (size_t i = 0; i < t->p->count; i++) {
        const drn_param *q = &t->p->list[i];
        double *want = tensor(t, prefix, q->name, q->count);
        double d = distance(vector + q->offset * drn_dtype_size(t->type), want, q->count, t->type);
        if (!(d <= bound))
            test_fail(__FILE__, __LINE__, "%s: %s%s differs by %g of its largest, allowed %g",
                      t->name, prefix, q->name, d, bound);
        drn_free(want);
    }
}

static void check_loss(const parity *t, const char *which, drn_value v, size_t step, double bound)
{
    double *want = tensor(t, "", which, (size_t)number(t, "steps"));
    double got = get(drn_graph_data(t->g, v), 0, t->type);
    if (!(fabs(got - want[step]) <= bound * fabs(want[step])))
        test_fail(__FILE__, __LINE__, "%s: %s[%zu] is %.17g, expected %.17g", t->name, which, step,
                  got, want[step]);
    drn_free(want);
}

static void check_first_step(const char *name, drn_dtype type, double bound)
{
    parity t = open_case(name, type, NULL);
    backward(&t);
    check_image(&t, bound);
    check_loss(&t, "losses", t.loss, 0, bound);
    check_loss(&t, "primals", t.primal, 0, bound);
    check_params(&t, "grad.", t.p->grad, bound);
    close_case(&t);
}

static void check_adam(const char *name, drn_pool *pool, double bound)
{
    parity t = open_case(name, DRN_FLOAT64, pool);
    const drn_kernels *k = drn_kernels_get(t.type);
    int steps = (int)number(&t, "steps");
    for (int i = 1; i <= steps; i++) {
        backward(&t);
        check_loss(&t, "losses", t.loss, (size_t)i - 1, bound);
        check_loss(&t, "primals", t.primal, (size_t)i - 1, bound);
        k->adam(t.p->value, t.p->grad, t.m, t.v, 1, number(&t, "lr"), number(&t, "beta1"),
                number(&t, "beta2"), number(&t, "eps"), i, t.p->elements, pool);
    }
    check_params(&t, "adam.", t.p->value, bound);
    close_case(&t);
}

static const char *const cases[] = {"x4_progressive_gs", "x2_plain_mae", "x4_dual_charbonnier",
                                    "x8_progressive_mae", "x4_progressive_mixed"};
enum { CASES = sizeof cases / sizeof *cases };

/* The issue asks for 1e-5; two correct programs in double agree to 3e-15 here. */
TEST(in_double, "in double, image, losses and all gradients equal PyTorch's to 1e-12")
{
    for (int i = 0; i < CASES; i++)
        check_first_step(cases[i], DRN_FLOAT64, 1e-12);
}

/* Float rounding grows over some thirty layers. */
TEST(in_float,
     "in float, image, losses and gradients equal PyTorch's double to 1e-4 of each one's largest")
{
    for (int i = 0; i < CASES; i++)
        check_first_step(cases[i], DRN_FLOAT32, 1e-4);
}

TEST(adam, "ten steps of Adam in double end where PyTorch's do, to 1e-11, with 1 and 3 threads")
{
    drn_error err = {0};
    drn_pool *pool;
    CHECK_OK(drn_pool_new(&pool, 3, &err), err);
    for (int i = 0; i < CASES; i++) {
        check_adam(cases[i], NULL, 1e-11);
        check_adam(cases[i], pool, 1e-11);
    }
    drn_pool_free(pool);
}
