/* drn doctor: what this build can do here, and whether it computes right. */
#include "checkup.h"
#include "cli.h"
#include "models.h"
#include "say.h"

#include "drn/device.h"
#include "drn/image.h"
#include "drn/system.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    text_list models;
    bool json, peak;
} options;

static const opt table[] = {
    OPT(LIST, models, "model", 'm', .arg = "MODEL",
        .doc = "test this built-in model or .safetensors file; without it: all built-in ones"),
    OPT(FLAG, peak, "peak", 0, .doc = "also measure the arithmetic peak of the processor"),
    OPT(FLAG, json, "json", 0, .doc = "print JSON instead of a table"),
    {0},
};

static int run(int argc, char **argv);
const command cmd_doctor = {
    "doctor",
    "",
    "Say what this build can do on this machine, and test it",
    "Every built-in model is checked against the sum it was built with, and enlarges a small "
    "picture "
    "that is compared with double precision; every format is written and read once.  The exit code "
    "is 1 when something is wrong; what is only missing is not wrong.",
    table,
    0,
    0,
    run,
};

static double gib(uint64_t bytes)
{
    return (double)bytes / (1 << 30);
}

static void print_parts(void)
{
    printf("\nbuild: %s\n", drn_build_compiler());
    for (size_t i = 0; drn_build_part(i); i++) {
        const drn_part *p = drn_build_part(i);
        printf("  %-12s %-10s %s\n", p->name,
               !p->version   ? "no"
               : *p->version ? p->version
                             : "yes",
               p->purpose);
    }
}

static void print_machine(const checkup *c)
{
    const drn_machine *m = &c->machine;
    printf("\nmachine\n");
    printf("  processor    %s, %d core%s for this process\n", *m->cpu ? m->cpu : "unknown",
           m->cores, m->cores == 1 ? "" : "s");
    printf("  has          %s\n",
           *m->features ? m->features : "nothing that kernels are written for");
    printf("  kernels      %s%s\n", m->kernels,
           getenv("DRN_ISA")                ? " (DRN_ISA is set)"
           : strcmp(m->kernels, "ref") == 0 ? " (portable C, slow)"
                                            : "");
    if (m->memory)
        printf("  memory       %.1f GiB, %.1f GiB free\n", gib(m->memory), gib(m->memory_free));
    if (c->peak > 0)
        printf("  peak         %.0f GFLOP/s\n", c->peak);
    if (c->gpu_found) {
        printf("  GPU          %s, compute capability %d.%d, %.1f GiB, %.1f GiB free\n",
               c->gpu.name, c->gpu.major, c->gpu.minor, gib(c->gpu.memory),
               gib(c->gpu.memory_free));
        if (c->gpu.cudnn)
            printf("  cuDNN        %d\n", c->gpu.cudnn);
    } else {
        printf("  GPU          no: %s\n", c->gpu_why.message);
    }
}

static void print_tests(const checkup *c)
{
    printf("\nmodels\n");
    for (size_t i = 0; i < c->models; i++) {
        const checkup_model *m = &c->model[i];
        printf("  %-*s ", model_name_width(), m->name);
        if (m->why.code != DRN_OK)
            printf("WRONG: %s\n", m->why.message);
        else
            printf("whole, %.1e from double precision%s\n", m->difference,
                   m->on_gpu ? " (and on the GPU)" : "");
    }
    if (c->models == 0)
        printf("  none is compiled in; give a file with -m\n");
    printf("\nformats\n  written and read:");
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        if (c->format[i] == DRN_OK)
            printf(" %s", checkup_suffix(i) + 1);
    bool all = true;
    printf("\n  not in this build:");
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        if (c->format[i] == DRN_ERR_UNSUPPORTED) {
            printf(" %s", checkup_suffix(i) + 1);
            all = false;
        }
    printf("%s\n", all ? " none" : "");
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        if (c->format[i] != DRN_OK && c->format[i] != DRN_ERR_UNSUPPORTED)
            printf("  WRONG: %s does not come back as it was written\n", checkup_suffix(i) + 1);
}

static json_t *machine_json(const checkup *c)
{
    const drn_machine *m = &c->machine;
    json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I}", "cpu", m->cpu, "features", m->features,
                          "kernels", m->kernels, "cores", m->cores, "memory", (json_int_t)m->memory,
                          "memory_free", (json_int_t)m->memory_free);
    if (c->peak > 0)
        json_object_set_new(j, "peak_gflops", json_real(c->peak));
    if (c->gpu_found)
        json_object_set_new(j, "gpu",
                            json_pack("{s:s, s:i, s:i, s:i, s:i, s:I, s:I}", "name", c->gpu.name,
                                      "major", (int)c->gpu.major, "minor", (int)c->gpu.minor,
                                      "multiprocessors", (int)c->gpu.multiprocessors, "cudnn",
                                      (int)c->gpu.cudnn, "memory", (json_int_t)c->gpu.memory,
                                      "memory_free", (json_int_t)c->gpu.memory_free));
    else
        json_object_set_new(j, "gpu", json_pack("{s:n, s:s}", "name", "why", c->gpu_why.message));
    return j;
}

static json_t *models_json(const checkup *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->models; i++) {
        const checkup_model *m = &c->model[i];
        json_t *j = json_pack("{s:o, s:s, s:b}", "name", say_text(m->name), "sha256", m->sha256,
                              "ok", (int)(m->why.code == DRN_OK));
        if (m->why.code == DRN_OK)
            json_object_set_new(j, "difference", json_real(m->difference));
        else
            json_object_set_new(j, "why", say_text(m->why.message));
        json_array_append_new(list, j);
    }
    return list;
}

static void print_json(const checkup *c)
{
    json_t *parts = json_object(), *formats = json_object();
    for (size_t i = 0; drn_build_part(i); i++) {
        const drn_part *p = drn_build_part(i);
        json_object_set_new(parts, p->name, p->version ? json_string(p->version) : json_null());
    }
    for (size_t i = 0; i < CHECKUP_FORMATS; i++)
        json_object_set_new(formats, checkup_suffix(i) + 1,
                            c->format[i] == DRN_ERR_UNSUPPORTED
                                ? json_null()
                                : json_boolean(c->format[i] == DRN_OK));
    json_t *all =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "version", drn_version(), "compiler",
                  drn_build_compiler(), "parts", parts, "machine", machine_json(c), "models",
                  models_json(c), "formats", formats, "ok", (int)checkup_ok(c));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static int run(int argc, char **argv)
{
    options o = {0};
    arg_list args;
    cli_parse(&cmd_doctor, &o, &args, argc, argv);
    free(args.items);
    checkup *c = cli_alloc(1, sizeof *c);
    checkup_run(c, o.peak, o.models.items, (size_t)o.models.count);
    if (o.json) {
        print_json(c);
    } else {
        printf("drn %s\n", drn_version());
        print_parts();
        print_machine(c);
        print_tests(c);
        printf("\n%s\n", checkup_ok(c) ? "all is well" : "something is WRONG, see above");
    }
    int code = checkup_ok(c) ? EXIT_OK : EXIT_FAILED;
    free(c);
    return code;
}
