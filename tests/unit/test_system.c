#include "random_model.h"

#include "base/cpu.h"
#include "base/sha256.h"
#include "drn/device.h"
#include "drn/system.h"

TEST(sums, "SHA-256 gives the sums of FIPS 180-4's examples, for every length around a block")
{
    static const struct {
        size_t a; /* so many letters a */
        const char *text, *sum;
    } cases[] = {
        {0, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {0, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {0, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {1000000, NULL, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    char hex[65], other[65];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].text ? strlen(cases[i].text) : cases[i].a;
        char *data = drn_alloc(n + 1);
        CHECK(data);
        memset(data, 'a', n);
        if (cases[i].text)
            memcpy(data, cases[i].text, n);
        drn_sha256(hex, data, n);
        CHECK_STR(hex, cases[i].sum);
        drn_free(data);
    }
    /* every bit and every byte of the length counts */
    char block[130] = {0};
    for (size_t n = 0; n < sizeof block; n++) {
        drn_sha256(hex, block, n);
        drn_sha256(other, block, n + 1);
        CHECK(strcmp(hex, other) != 0);
        CHECK_INT(strlen(hex), 64);
    }
}

TEST(whole, "built-in models have the sums they were built with; other names are refused")
{
    drn_error err = {0};
    char sum[65];
    for (size_t i = 0; drn_model_builtin(i); i++) {
        CHECK_OK(drn_model_builtin_check(drn_model_builtin(i)->name, sum, &err), err);
        CHECK_STR(sum, drn_zoo_sha256(drn_model_builtin(i)->name));
    }
    CHECK_INT(drn_model_builtin_check("no-such-model", sum, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "no-such-model"));
}

TEST(selftest, "every set of kernels computes models of all kinds as double precision does")
{
    static const drn_config kinds[] = {
        {2, 16, 2, true, false, 0, DRN_SKIP_BICUBIC},
        {4, 8, 1, true, true, 4, DRN_SKIP_BICUBIC},
        {4, 24, 1, false, false, 0, DRN_SKIP_NONE},
        {8, 10, 1, true, false, 0, DRN_SKIP_BICUBIC},
    };
    static const unsigned masks[] = {~0u, DRN_ISA_REF};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = 0; k < sizeof masks / sizeof *masks; k++) {
            drn_error err = {0};
            double d = -1;
            drn_model *m = random_model(&kinds[i]);
            drn_cpu_mask(masks[k]);
            drn_status st = drn_model_selftest(&d, m, NULL, &err);
            drn_cpu_mask(~0u);
            CHECK_OK(st, err);
            CHECK(d > 0 && d < 1e-4);
            drn_model_free(m);
        }
}

TEST(selftest_says_no,
     "what float32 cannot compute to 1e-4 is told; so is a device that is missing")
{
    drn_error err = {0};
    drn_config c = {2, 8, 1, true, false, 0, DRN_SKIP_BICUBIC};
    drn_upscale_options cuda = {.device = DRN_DEVICE_CUDA};
    drn_model *m = random_model(&c);
    drn_device_info info;
    double d = 0;
    bool gpu = drn_device_get_info(&info, &err) == DRN_OK;
    CHECK_INT(drn_model_selftest(NULL, m, &cuda, &err) == DRN_OK, gpu);
    for (size_t i = 0; i < m->params->elements; i++)
        ((float *)m->params->value)[i] *= 1000;
    CHECK_INT(drn_model_selftest(&d, m, NULL, &err), DRN_ERR_NUMERIC);
    CHECK(d > 1e-4 && strstr(err.message, "double precision"));
    drn_model_free(m);
}

TEST(selftest_memory, "the self-test survives the failure of every allocation")
{
    drn_config c = {2, 8, 1, true, false, 0, DRN_SKIP_BICUBIC};
    drn_model *m = random_model(&c);
    size_t before = drn_mem_current();
    drn_status st = DRN_ERR_NOMEM;
    for (size_t n = 1; st != DRN_OK && n < 10000; n++) {
        drn_error err = {0};
        drn_mem_fail_nth(n);
        st = drn_model_selftest(NULL, m, NULL, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK_INT(st, DRN_OK);
    drn_model_free(m);
}

TEST(machine, "the machine has cores, memory, and a set of kernels that can be masked")
{
    drn_machine m;
    drn_error err = {0};
    double peak = 0;
    drn_machine_get(&m);
    CHECK(m.cores >= 1);
    CHECK(m.memory_free <= m.memory);
    CHECK_STR(m.kernels, drn_cpu_isa_name());
    CHECK(strcmp(m.kernels, "avx2") != 0 || strstr(m.features, "avx2"));
    drn_cpu_mask(DRN_ISA_REF);
    drn_machine_get(&m);
    drn_cpu_mask(~0u);
    CHECK_STR(m.kernels, "ref");
    CHECK_OK(drn_machine_peak(&peak, 1, &err), err);
    CHECK(peak > 0);
}

TEST(parts, "the build names its parts, each once, with a purpose")
{
    size_t n = 0;
    for (; drn_build_part(n); n++) {
        CHECK(*drn_build_part(n)->name && *drn_build_part(n)->purpose);
        for (size_t i = 0; i < n; i++)
            CHECK(strcmp(drn_build_part(i)->name, drn_build_part(n)->name) != 0);
    }
    CHECK(n >= 4 && n < 100);
    CHECK(*drn_build_compiler());
}
