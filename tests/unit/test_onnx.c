/* ONNX files, read back by a reader of the wire format that is this file's own. */
#include "models/onnx_graph.h"
#include "random_model.h"

#include "drn/export.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

/* ---- a reader ---- */

typedef struct span {
    const unsigned char *at, *end;
} span;

typedef struct field {
    unsigned number, wire;
    uint64_t value; /* wire 0 and 5 */
    span bytes;     /* wire 2 */
} field;

static uint64_t varint(span *s)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        CHECK(s->at < s->end && shift < 70);
        v |= (uint64_t)(*s->at & 0x7f) << shift;
        if (!(*s->at++ & 0x80))
            return v;
    }
}

static bool next(field *f, span *s)
{
    if (s->at == s->end)
        return false;
    uint64_t tag = varint(s);
    *f = (field){.number = (unsigned)(tag >> 3), .wire = tag & 7};
    CHECK(f->number > 0 && (f->wire == 0 || f->wire == 2 || f->wire == 5));
    size_t n = f->wire == 5 ? 4 : 0;
    if (f->wire == 0)
        f->value = varint(s);
    else if (f->wire == 2)
        n = (size_t)varint(s);
    CHECK(n <= (size_t)(s->end - s->at));
    f->bytes = (span){s->at, s->at + n};
    s->at += n;
    return true;
}

/* The index-th field of a number; ends the test when there is none. */
static field get(span s, unsigned number, size_t index)
{
    field f;
    while (next(&f, &s))
        if (f.number == number && index-- == 0)
            return f;
    test_fail(__FILE__, __LINE__, "no field %u", number);
}

static size_t count(span s, unsigned number)
{
    field f;
    size_t n = 0;
    while (next(&f, &s))
        n += f.number == number;
    return n;
}

/* Text of a field in a static buffer, 4 in turn. */
static const char *text(span s, unsigned number, size_t index)
{
    static char ring[4][256];
    static int turn;
    field f = get(s, number, index);
    char *out = ring[turn++ % 4];
    snprintf(out, sizeof ring[0], "%.*s", (int)(f.bytes.end - f.bytes.at), (const char *)f.bytes.at);
    return out;
}

/* Whole file; the span's memory is the caller's. */
static span read_file(const char *path)
{
    drn_error err = {0};
    void *data;
    size_t size;
    CHECK_OK(drn_file_read(&data, &size, path, 1 << 24, &err), err);
    return (span){data, (unsigned char *)data + size};
}

static void free_span(span s)
{
    drn_free((void *)(size_t)s.at);
}

static const char *metadata(span model, const char *key)
{
    for (size_t i = 0; i < count(model, 14); i++) {
        span pair = get(model, 14, i).bytes;
        if (strcmp(text(pair, 1, 0), key) == 0)
            return text(pair, 2, 0);
    }
    return "(none)";
}

/* Initializer, node or value by its name field. */
static span named(span graph, unsigned number, unsigned name_field, const char *name)
{
    for (size_t i = 0; i < count(graph, number); i++) {
        span s = get(graph, number, i).bytes;
        if (strcmp(text(s, name_field, 0), name) == 0)
            return s;
    }
    test_fail(__FILE__, __LINE__, "nothing is called %s", name);
}

/* ---- models ---- */

static char *save(const drn_config *c, const drn_export_options *o)
{
    drn_error err = {0};
    drn_model *m = random_model(c);
    char *path = drn_path_join(test_tmp_dir(), "model.onnx");
    CHECK_OK(drn_model_save_onnx(m, path, o, &err), err);
    drn_model_free(m);
    return path;
}

static const drn_config config = {4, 10, 1, true, true, 4, DRN_SKIP_BICUBIC};

TEST(frame, "a file names its versions, its operator set and what the model is")
{
    const char *meta[] = {"who", "m\xc3\xbcller", "title", "replaced"};
    char *path = save(&config, &(drn_export_options){.scale = 2, .meta = meta, .metas = 2});
    span m = read_file(path);
    CHECK_INT(get(m, 1, 0).value, DRN_ONNX_IR_VERSION);
    CHECK_STR(text(m, 2, 0), "drn");
    CHECK_STR(text(m, 3, 0), drn_version());
    CHECK_INT(count(m, 8), 1);
    CHECK_STR(text(get(m, 8, 0).bytes, 1, 0), "");
    CHECK_INT(get(get(m, 8, 0).bytes, 2, 0).value, DRN_ONNX_OPSET);
    CHECK_INT(count(m, 7), 1);
    CHECK_STR(metadata(m, "name"), "random");
    CHECK_STR(metadata(m, "scale"), "2");
    CHECK_STR(metadata(m, "licence"), "(none)");
    CHECK_STR(metadata(m, "drn.channels"), "10");
    CHECK_STR(metadata(m, "who"), "m\xc3\xbcller");
    CHECK_STR(metadata(m, "title"), "replaced");
    CHECK_STR(text(get(m, 7, 0).bytes, 2, 0), "random");
    free_span(m);
    drn_free(path);
}

/* Dimensions of an input or output as text: "batch 3 height width". */
static const char *dims(span value)
{
    static char out[128];
    span shape = get(get(get(value, 2, 0).bytes, 1, 0).bytes, 2, 0).bytes;
    CHECK_INT(get(get(get(value, 2, 0).bytes, 1, 0).bytes, 1, 0).value, 1); /* float */
    out[0] = 0;
    for (size_t i = 0; i < count(shape, 1); i++) {
        span d = get(shape, 1, i).bytes;
        char one[32];
        if (count(d, 1))
            snprintf(one, sizeof one, "%d ", (int)get(d, 1, 0).value);
        else
            snprintf(one, sizeof one, "%s ", text(d, 2, 0));
        strcat(out, one);
    }
    return out;
}

TEST(free_sizes, "batch, height and width are free")
{
    char *path = save(&config, NULL);
    span m = read_file(path), g = get(m, 7, 0).bytes;
    CHECK_INT(count(g, 11), 1);
    CHECK_INT(count(g, 12), 1);
    CHECK_STR(dims(named(g, 11, 1, "lr")), "batch 3 height width ");
    CHECK_STR(dims(named(g, 12, 1, "sr")), "batch 3 sr_height sr_width ");
    CHECK_STR(metadata(m, "scale"), "4");
    free_span(m);
    drn_free(path);
}

static void check_nodes(span g, const char *wanted)
{
    char all[4096] = "";
    for (size_t i = 0; i < count(g, 1); i++) {
        strcat(all, text(get(g, 1, i).bytes, 4, 0));
        strcat(all, " ");
    }
    CHECK_STR(all, wanted);
}

TEST(operators, "the network is drawn in the order it runs")
{
    char *path = save(&config, &(drn_export_options){.scale = 2});
    span m = read_file(path), g = get(m, 7, 0).bytes;
    check_nodes(g, "Add Conv Conv Relu Conv Add Conv DepthToSpace Pad Slice Slice Concat Slice Slice Concat Conv "
                   "DepthToSpace Conv Add ");
    span shuffle = get(g, 1, 7).bytes;
    CHECK_STR(text(get(shuffle, 5, 0).bytes, 1, 0), "blocksize");
    CHECK_INT(get(get(shuffle, 5, 0).bytes, 3, 0).value, 2);
    CHECK_STR(text(get(shuffle, 5, 1).bytes, 4, 0), "CRD");
    span conv = named(g, 1, 3, "block1.module1.conv2");
    CHECK_STR(text(conv, 1, 1), "block1.module1.conv2.weight");
    CHECK_STR(text(conv, 1, 2), "block1.module1.conv2.bias");
    span pads = get(conv, 5, 2).bytes;
    CHECK_STR(text(pads, 1, 0), "pads");
    CHECK_INT(count(pads, 8), 4);
    CHECK_INT(get(pads, 8, 3).value, 1);
    free_span(m);
    drn_free(path);
    drn_config bare = {4, 8, 0, false, false, 0, DRN_SKIP_NONE};
    path = save(&bare, NULL);
    m = read_file(path);
    check_nodes(get(m, 7, 0).bytes, "Add Conv Conv DepthToSpace Conv DepthToSpace Conv Add ");
    free_span(m);
    drn_free(path);
}

/* Every name read by a node is the input, an initializer or the output of a node before. */
static void check_names(span g)
{
    for (size_t i = 0; i < count(g, 1); i++) {
        span n = get(g, 1, i).bytes;
        for (size_t k = 0; k < count(n, 1); k++) {
            char name[256];
            snprintf(name, sizeof name, "%s", text(n, 1, k));
            size_t found = strcmp(name, "lr") == 0;
            for (size_t j = 0; j < count(g, 5); j++)
                found += strcmp(text(get(g, 5, j).bytes, 8, 0), name) == 0;
            for (size_t j = 0; j < count(g, 1); j++)
                if (strcmp(text(get(g, 1, j).bytes, 2, 0), name) == 0)
                    found += j < i ? 1 : 100;
            if (found != 1)
                test_fail(__FILE__, __LINE__, "'%s' is made %zu times", name, found);
        }
    }
}

TEST(wiring, "every name is made once, before it is read, for every architecture and output")
{
    static const drn_config all[] = {{8, 8, 2, true, true, 4, DRN_SKIP_BICUBIC},
                                     {8, 9, 1, false, false, 0, DRN_SKIP_BICUBIC},
                                     {4, 1, 1, true, false, 0, DRN_SKIP_NONE}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int scale = 2; scale <= all[i].scale; scale *= 2) {
            if (!all[i].progressive && scale != all[i].scale)
                continue;
            char *path = save(&all[i], &(drn_export_options){.scale = scale});
            span m = read_file(path), g = get(m, 7, 0).bytes;
            check_names(g);
            CHECK_STR(text(get(g, 1, count(g, 1) - 1).bytes, 2, 0), "sr");
            for (size_t k = 0; k < count(g, 5); k++)
                CHECK(strncmp(text(get(g, 5, k).bytes, 8, 0), "dual", 4) != 0);
            free_span(m);
            drn_free(path);
        }
}

TEST(weights, "the weights are the model's, with their shapes")
{
    drn_params *p;
    char *path = save(&config, NULL);
    span m = read_file(path), g = get(m, 7, 0).bytes;
    random_params(&p, &config);
    for (size_t i = 0; i < p->count; i++) {
        const drn_param *q = &p->list[i];
        if (strncmp(q->name, "dual", 4) == 0)
            continue;
        span t = named(g, 5, 8, q->name), raw = get(t, 9, 0).bytes;
        CHECK_INT(get(t, 2, 0).value, 1);
        CHECK_INT(count(t, 1), strstr(q->name, "bias") ? 1 : 4);
        CHECK_INT(get(t, 1, 0).value, q->shape.n);
        CHECK_INT(raw.end - raw.at, q->count * sizeof(float));
        CHECK(memcmp(raw.at, drn_params_value(p, q), q->count * sizeof(float)) == 0);
    }
    drn_params_free(p);
    free_span(m);
    drn_free(path);
}

TEST(bicubic, "the enlargement's kernel is MATLAB's: each output's weights add up to one, mirrored phases")
{
    char *path = save(&config, &(drn_export_options){.scale = 2});
    span m = read_file(path), g = get(m, 7, 0).bytes;
    float k[3 * 4][5][5];
    for (size_t i = 0; i < count(g, 5); i++) {
        span t = get(g, 5, i).bytes, raw = get(t, 9, 0).bytes;
        if (strncmp(text(t, 8, 0), "resize", 6) != 0)
            continue;
        CHECK_INT(raw.end - raw.at, sizeof k);
        memcpy(k, raw.at, sizeof k);
        for (int o = 0; o < 12; o++) {
            double sum = 0;
            for (int y = 0; y < 5; y++)
                for (int x = 0; x < 5; x++) {
                    sum += (double)k[o][y][x];
                    CHECK_NEAR(k[o][y][x], k[o / 4 * 4 + 3 - o % 4][4 - y][4 - x], 1e-7);
                }
            CHECK_NEAR(sum, 1, 1e-6);
        }
        /* cubic with a = -1/2 at distances 7/4, 3/4, 1/4, 5/4 */
        const double row[5] = {-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0};
        for (int x = 0; x < 5; x++)
            CHECK_NEAR(k[0][2][x], row[2] * row[x], 1e-7);
        free_span(m);
        drn_free(path);
        return;
    }
    test_fail(__FILE__, __LINE__, "no kernel of the enlargement");
}

/* ---- refusals ---- */

TEST(refusals, "a scale the model has not, half weights and bad places are refused, and leave no file")
{
    drn_error err = {0};
    drn_model *m = random_model(&config);
    char *path = drn_path_join(test_tmp_dir(), "none.onnx");
    CHECK_INT(drn_model_save_onnx(m, path, &(drn_export_options){.scale = 8}, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "no output of scale 8; it has 2 and 4"));
    CHECK_INT(drn_model_save_onnx(m, path, &(drn_export_options){.half = true}, &err), DRN_ERR_UNSUPPORTED);
    const char *bad[] = {"k", "\xff"};
    CHECK_INT(drn_model_save_onnx(m, path, &(drn_export_options){.meta = bad, .metas = 1}, &err), DRN_ERR_INVALID);
    CHECK(!drn_path_exists(path));
    CHECK_INT(drn_model_save_onnx(m, "/nowhere/x.onnx", NULL, &err), DRN_ERR_IO);
    drn_free(path);
    drn_model_free(m);
}

static drn_status write_graph(drn_dtype type, const drn_op *op, drn_attr attr, bool plan, drn_error *err)
{
    drn_graph *g;
    drn_onnx *w;
    char *path = drn_path_join(test_tmp_dir(), "graph.onnx");
    CHECK_OK(drn_graph_new(&g, type, err), *err);
    drn_value in = drn_graph_input(g, (drn_shape){1, 4, 8, 8}, false);
    drn_value out = drn_graph_apply(g, op, &attr, &in, 1);
    drn_graph_output(g, out);
    if (plan)
        CHECK_OK(drn_graph_plan(g, &(drn_plan_options){.loss = -1}, err), *err);
    CHECK_OK(drn_onnx_new(&w, err), *err);
    drn_graph_to_onnx(w, g, in, out);
    drn_status st = drn_onnx_write(w, path, err);
    CHECK(drn_path_exists(path) == (st == DRN_OK));
    remove(path);
    drn_onnx_free(w);
    drn_graph_free(g);
    drn_free(path);
    return st;
}

TEST(graphs, "operations that depend on the size, planned graphs and doubles are refused")
{
    drn_error err = {0};
    drn_attr window = {.h = 4, .w = 4}, half = {.factor = -2}, twice = {.factor = 2};
    CHECK_INT(write_graph(DRN_FLOAT32, &drn_op_window, window, false, &err), DRN_ERR_UNSUPPORTED);
    CHECK(strstr(err.message, "window"));
    CHECK_INT(write_graph(DRN_FLOAT32, &drn_op_resize, half, false, &err), DRN_ERR_UNSUPPORTED);
    CHECK(strstr(err.message, "resize") && strstr(err.message, "-2"));
    CHECK_INT(write_graph(DRN_FLOAT32, &drn_op_resize, twice, true, &err), DRN_ERR_INTERNAL);
    CHECK_INT(write_graph(DRN_FLOAT64, &drn_op_resize, twice, false, &err), DRN_ERR_INTERNAL);
    CHECK_INT(write_graph(DRN_FLOAT32, &drn_op_pixel_shuffle, half, false, &err), DRN_ERR_INVALID);
    CHECK_OK(write_graph(DRN_FLOAT32, &drn_op_resize, twice, false, &err), err);
}

TEST(too_large, "2 GiB and more is refused before anything is written")
{
    drn_error err = {0};
    drn_onnx *w;
    char *path = drn_path_join(test_tmp_dir(), "large.onnx");
    const float none = 0; /* never read */
    CHECK_OK(drn_onnx_new(&w, &err), err);
    drn_onnx_weights(w, "w", 2, (const int64_t[]){1 << 15, 1 << 14}, &none);
    CHECK_INT(drn_onnx_write(w, path, &err), DRN_ERR_UNSUPPORTED);
    CHECK(strstr(err.message, "2 GiB") && !drn_path_exists(path));
    drn_onnx_weights(w, "v", 2, (const int64_t[]){INT64_MAX, 8}, &none);
    CHECK_INT(drn_onnx_write(w, path, &err), DRN_ERR_NOMEM);
    drn_onnx_free(w);
    drn_free(path);
}

TEST(full_disk, "a full disk is one error, and the file that was there stays")
{
    drn_error err = {0};
    struct rlimit old;
    drn_model *m = random_model(&config);
    char *path = save(&config, NULL);
    span before = read_file(path);
    CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
    struct rlimit small = {4096, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    drn_status st = drn_model_save_onnx(m, path, &(drn_export_options){.scale = 2}, &err);
    CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
    CHECK_INT(st, DRN_ERR_IO);
    CHECK(strstr(err.message, path));
    span after = read_file(path);
    CHECK_INT(after.end - after.at, before.end - before.at);
    CHECK(memcmp(after.at, before.at, (size_t)(after.end - after.at)) == 0);
    char **names;
    size_t n;
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    for (size_t i = 0; i < n; i++)
        CHECK(!strstr(names[i], ".tmp"));
    drn_list_free(names, n);
    free_span(before);
    free_span(after);
    drn_free(path);
    drn_model_free(m);
}

TEST(no_memory, "writing fails cleanly whichever allocation is refused")
{
    drn_error err = {0};
    drn_model *m = random_model(&config);
    char *path = drn_path_join(test_tmp_dir(), "memory.onnx");
    json_set_alloc_funcs(drn_alloc, drn_free);
    size_t before = drn_mem_current(), n = 0;
    drn_status st = DRN_ERR_NOMEM;
    while (st != DRN_OK) {
        err = (drn_error){0};
        drn_mem_fail_nth(++n);
        st = drn_model_save_onnx(m, path, NULL, &err);
        drn_mem_fail_nth(0);
        CHECK_INT(drn_mem_current(), before);
        CHECK(st == DRN_OK || (err.code == st && err.message[0]));
        CHECK(drn_path_exists(path) == (st == DRN_OK));
    }
    CHECK(n > 40);
    json_set_alloc_funcs(malloc, free);
    drn_free(path);
    drn_model_free(m);
}
