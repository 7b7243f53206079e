#include "base/fileio.h"
#include "base/mem.h"
#include "harness.h"
#include "io/safetensors.h"

#include <jansson.h>
#include <stdlib.h>

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

/* Header length, header and `tail` bytes 0, 1, 2, ...; exactly sized, so that a sanitizer sees
 * every read behind the end. */
static bytes file_of(const char *header, size_t tail)
{
    uint64_t n = strlen(header);
    bytes b = {.size = 8 + n + tail};
    b.data = malloc(b.size);
    memcpy(b.data, &n, 8);
    memcpy(b.data + 8, header, n);
    for (size_t i = 0; i < tail; i++)
        b.data[8 + n + i] = (unsigned char)i;
    return b;
}

/* Parse, compare the code, look for `part` in the message; nothing may be leaked. */
static void expect(const char *header, size_t tail, drn_status code, const char *part)
{
    size_t before = drn_mem_current();
    bytes b = file_of(header, tail);
    drn_error err = {0};
    drn_safetensors *st = NULL;
    drn_status got = drn_safetensors_parse(&st, b.data, b.size, "x.safetensors", &err);
    free(b.data);
    drn_safetensors_free(st);
    if (got != code || (part && !strstr(err.message, part)))
        test_fail(__FILE__, __LINE__, "%s: code %d, expected %d, \"%s\" lacks \"%s\"", header,
                  (int)got, (int)code, err.message, part ? part : "");
    CHECK(code == DRN_OK || strncmp(err.message, "x.safetensors: ", 15) == 0);
    CHECK_INT(drn_mem_current(), before);
}

#define GOOD                                                                                       \
    "{\"__metadata__\":{\"k\":\"v\",\"scale\":\"4\"},"                                             \
    "\"b\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[24,28]},"                          \
    "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"                           \
    "\"none\":{\"dtype\":\"U8\",\"shape\":[0,9],\"data_offsets\":[28,28]},"                        \
    "\"one\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[28,36]}}  "

TEST(reads, "a good file gives its tensors by name and by offset, and its metadata")
{
    drn_error err = {0};
    drn_safetensors *st;
    bytes b = file_of(GOOD, 36);
    CHECK_OK(drn_safetensors_parse(&st, b.data, b.size, "x", &err), err);
    CHECK_INT(drn_safetensors_count(st), 4);
    CHECK_STR(drn_safetensors_at(st, 0)->name, "a");
    CHECK_STR(drn_safetensors_at(st, 1)->name, "b");
    CHECK_STR(drn_safetensors_at(st, 3)->name, "one");
    const drn_st_tensor *a = drn_safetensors_find(st, "a"), *one = drn_safetensors_find(st, "one");
    CHECK(a && a->dtype == DRN_ST_F32 && a->ndim == 2 && a->shape[0] == 2 && a->shape[1] == 3);
    CHECK(a->elements == 6 && a->nbytes == 24 && a->data == b.data + b.size - 36);
    CHECK(one && one->ndim == 0 && one->elements == 1 && *(const unsigned char *)one->data == 28);
    CHECK(!drn_safetensors_find(st, "c") && !drn_safetensors_find(st, "__metadata__"));
    CHECK_INT(drn_safetensors_get(&a, st, "c", &err), DRN_ERR_FORMAT);
    CHECK_STR(err.message, "x: no tensor 'c' among 4");
    CHECK_STR(drn_safetensors_meta(st, "scale"), "4");
    CHECK(!drn_safetensors_meta(st, "a"));
    const char *key, *value;
    CHECK_INT(drn_safetensors_meta_count(st), 2);
    drn_safetensors_meta_at(st, 0, &key, &value);
    CHECK_STR(key, "k");
    CHECK_STR(value, "v");
    float f[1];
    CHECK_INT(drn_safetensors_to_f32(f, one, &err), DRN_ERR_UNSUPPORTED);
    drn_safetensors_free(st);
    free(b.data);
}

TEST(small_good, "a file without tensors or metadata is good")
{
    expect("{}", 0, DRN_OK, NULL);
    expect("{\"t\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3, DRN_OK, NULL);
}

TEST(short_file, "files cut anywhere, down to no byte, are refused")
{
    bytes b = file_of(GOOD, 36);
    for (size_t n = 0; n < b.size; n++) {
        drn_error err = {0};
        drn_safetensors *st;
        unsigned char *cut = malloc(n + !n);
        memcpy(cut, b.data, n);
        CHECK_INT(drn_safetensors_parse(&st, cut, n, "x", &err), DRN_ERR_FORMAT);
        CHECK(err.message[0]);
        free(cut);
    }
    free(b.data);
}

TEST(header_length, "a header length beyond the file or the limit is refused with its number")
{
    uint64_t lengths[] = {3, 100000001, UINT64_MAX, (uint64_t)INT64_MAX + 1};
    for (size_t i = 0; i < 4; i++) {
        bytes b = file_of("{}", 0);
        drn_error err = {0};
        drn_safetensors *st;
        char number[32];
        snprintf(number, sizeof number, "%ju", (uintmax_t)lengths[i]);
        memcpy(b.data, &lengths[i], 8);
        CHECK_INT(drn_safetensors_parse(&st, b.data, b.size, "x", &err), DRN_ERR_FORMAT);
        CHECK(strstr(err.message, number));
        free(b.data);
    }
}

TEST(bad_json, "a header that is no JSON object, or has a name twice, is refused")
{
    expect("[]", 0, DRN_ERR_FORMAT, "not a JSON object");
    expect("{\"a\":", 0, DRN_ERR_FORMAT, "broken header");
    expect("{}x", 0, DRN_ERR_FORMAT, "broken header");
    expect("{\"\xff\":1}", 0, DRN_ERR_FORMAT, "broken header");
    expect("{\"a\\u0000b\":1}", 0, DRN_ERR_FORMAT, "broken header");
    expect("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
           "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
           1, DRN_ERR_FORMAT, "duplicate");
    expect("{\"a\":99999999999999999999999}", 0, DRN_ERR_FORMAT, "broken header");
}

TEST(bad_meta, "metadata that is not text is refused")
{
    expect("{\"__metadata__\":[]}", 0, DRN_ERR_FORMAT, "not an object");
    expect("{\"__metadata__\":{\"k\":4}}", 0, DRN_ERR_FORMAT, "'k' is not a string");
    expect("{\"__metadata__\":null}", 0, DRN_ERR_FORMAT, "not an object");
}

/* One tensor "t" with these values, and 8 bytes behind the header. */
static void expect_one(const char *dtype, const char *shape, const char *offsets, const char *part)
{
    char header[512];
    snprintf(header, sizeof header, "{\"t\":{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}}",
             dtype, shape, offsets);
    expect(header, 8, part ? DRN_ERR_FORMAT : DRN_OK, part);
}

TEST(bad_tensor, "every wrong dtype, shape and offset of a tensor is refused by name")
{
    expect_one("\"F32\"", "[2]", "[0,8]", NULL);
    expect_one("\"F31\"", "[2]", "[0,8]", "unknown dtype 'F31'");
    expect_one("4", "[2]", "[0,8]", "unknown dtype");
    expect_one("\"F32\"", "2", "[0,8]", "shape must be an array");
    expect_one("\"F32\"", "[1,1,1,1,1,1,1,2,1]", "[0,8]", "it has 9");
    expect_one("\"F32\"", "[-2]", "[0,8]", "dimension 0");
    expect_one("\"F32\"", "[1,2.0]", "[0,8]", "dimension 1");
    expect_one("\"F32\"", "[\"2\"]", "[0,8]", "dimension 0");
    expect_one("\"F32\"", "[4294967296,4294967296,2]", "[0,8]", "overflows");
    expect_one("\"F32\"", "[4611686018427387905,1]", "[0,8]", "does not fit");
    expect_one("\"F32\"", "[2]", "[0]", "two whole numbers");
    expect_one("\"F32\"", "[2]", "[0,8,9]", "two whole numbers");
    expect_one("\"F32\"", "[2]", "[-8,0]", "two whole numbers");
    expect_one("\"F32\"", "[2]", "[0.0,8]", "two whole numbers");
    expect_one("\"F32\"", "[2]", "[8,0]", "stands at 8..0");
    expect_one("\"F32\"", "[4]", "[0,16]", "stands at 0..16, the file has 8");
    expect_one("\"F32\"", "[3]", "[0,8]", "has 8 bytes");
    expect_one("\"F32\"", "[1]", "[0,4]", "end at 4 of 8");
    expect_one("\"F32\"", "[1]", "[4,8]", "starts at 4");
    expect("{\"t\":7}", 0, DRN_ERR_FORMAT, "'t': unknown dtype");
    expect("{\"t\":{}}", 0, DRN_ERR_FORMAT, "'t': unknown dtype");
    expect("{\"new\\nline\":{}}", 0, DRN_ERR_FORMAT, "'new?line'");
}

TEST(bad_layout, "overlapping tensors and holes between them are refused")
{
    const char *two = "{\"a\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                      "\"b\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[%d,10]}}";
    for (int end = 3; end <= 5; end++) {
        char header[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(header, sizeof header, two, end, end, 6, 4);
#pragma GCC diagnostic pop
        expect(header, 10, end == 4 ? DRN_OK : DRN_ERR_FORMAT,
               end == 4 ? NULL : "'b' starts at 4, the one before it ends at");
    }
}

TEST(open_errors, "a missing file, a folder and a file of text are refused with their path")
{
    drn_error err = {0};
    drn_safetensors *st;
    char path[128];
    snprintf(path, sizeof path, "%s/none", test_tmp_dir());
    CHECK_INT(drn_safetensors_open(&st, path, &err), DRN_ERR_IO);
    CHECK(strstr(err.message, path));
    CHECK_INT(drn_safetensors_open(&st, test_tmp_dir(), &err), DRN_ERR_IO);
    CHECK_OK(drn_file_write(path, "just some text, long enough", 27, &err), err);
    CHECK_INT(drn_safetensors_open(&st, path, &err), DRN_ERR_FORMAT);
    CHECK(strstr(err.message, path) && strstr(err.message, "not a safetensors file"));
}

static const float numbers[6] = {1, -2.5f, 65504, 0x1p-24f, 3.14159274f, -0.0f};
static const uint8_t odd[3] = {7, 8, 9};
static const size_t shape32[2] = {3, 2};

/* The same content in any call order of w's functions; drn_error holds the first failure. */
static drn_status write_sample(const char *path, drn_error *err)
{
    drn_st_writer *w = NULL;
    drn_status st = drn_st_writer_new(&w, err);
    if (st == DRN_OK)
        st = drn_st_writer_add(w, "odd", DRN_ST_U8, 1, (size_t[]){3}, odd, err);
    if (st == DRN_OK)
        st = drn_st_writer_add_f32(w, "half", DRN_ST_F16, 2, shape32, numbers, err);
    if (st == DRN_OK)
        st = drn_st_writer_add_f32(w, "full", DRN_ST_F32, 2, shape32, numbers, err);
    if (st == DRN_OK)
        st = drn_st_writer_add_f32(w, "brain", DRN_ST_BF16, 0, NULL, numbers + 4, err);
    if (st == DRN_OK)
        st = drn_st_writer_meta(w, "who", "m\xc3\xbcller \"x\"", err);
    if (st == DRN_OK)
        st = drn_st_writer_write(w, path, err);
    drn_st_writer_free(w);
    return st;
}

TEST(round_trip, "what is written is read back, aligned, rounded where it is stored as halves")
{
    drn_error err = {0};
    drn_safetensors *st;
    char path[128];
    float f[6];
    snprintf(path, sizeof path, "%s/rt.safetensors", test_tmp_dir());
    CHECK_OK(write_sample(path, &err), err);
    CHECK_OK(drn_safetensors_open(&st, path, &err), err);
    CHECK_STR(drn_safetensors_meta(st, "who"), "m\xc3\xbcller \"x\"");
    CHECK_INT(drn_safetensors_count(st), 4);
    for (size_t i = 0; i < 4; i++) {
        const drn_st_tensor *t = drn_safetensors_at(st, i);
        CHECK((uintptr_t)t->data % drn_st_dtype_size(t->dtype) == 0);
    }
    const drn_st_tensor *t = drn_safetensors_find(st, "full");
    CHECK_OK(drn_safetensors_to_f32(f, t, &err), err);
    CHECK(memcmp(f, numbers, sizeof f) == 0 && t->shape[0] == 3 && t->shape[1] == 2);
    CHECK_OK(drn_safetensors_to_f32(f, drn_safetensors_find(st, "half"), &err), err);
    CHECK(memcmp(f, numbers, 16) == 0 && f[4] == 3.140625f && signbit(f[5]));
    CHECK_OK(drn_safetensors_to_f32(f, drn_safetensors_find(st, "brain"), &err), err);
    CHECK(f[0] == 3.140625f);
    CHECK(memcmp(drn_safetensors_find(st, "odd")->data, odd, 3) == 0);
    drn_safetensors_free(st);
}

TEST(doubles, "doubles are read as the nearest floats from unaligned bytes")
{
    bytes b = file_of("{\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                      "\"d\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[1,17]}}",
                      17);
    double d[2] = {1.0 / 3, 1e-50};
    memcpy(b.data + b.size - 16, d, 16);
    drn_error err = {0};
    drn_safetensors *st;
    float f[2];
    CHECK_OK(drn_safetensors_parse(&st, b.data, b.size, "x", &err), err);
    CHECK_OK(drn_safetensors_to_f32(f, drn_safetensors_find(st, "d"), &err), err);
    CHECK(f[0] == 1.0f / 3 && f[1] == 0);
    drn_safetensors_free(st);
    free(b.data);
}

TEST(writer_errors, "the writer refuses what no file can hold, and leaves no file behind")
{
    drn_error err = {0};
    drn_st_writer *w;
    char path[128];
    float big = 1e6f;
    size_t one[1] = {1}, huge[2] = {SIZE_MAX / 2, 3};
    snprintf(path, sizeof path, "%s/bad.safetensors", test_tmp_dir());
    CHECK_OK(drn_st_writer_new(&w, &err), err);
    CHECK_OK(drn_st_writer_add_f32(w, "a", DRN_ST_F16, 1, one, &big, &err), err);
    CHECK_INT(drn_st_writer_add_f32(w, "a", DRN_ST_F32, 1, one, &big, &err), DRN_ERR_INVALID);
    CHECK(strstr(err.message, "twice"));
    CHECK_INT(drn_st_writer_add_f32(w, "", DRN_ST_F32, 1, one, &big, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_add_f32(w, "\xff", DRN_ST_F32, 1, one, &big, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_add_f32(w, "b", DRN_ST_I32, 1, one, &big, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_add_f32(w, "b", DRN_ST_F32, 9, one, &big, &err), DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_add_f32(w, "b", DRN_ST_F32, 2, huge, &big, &err), DRN_ERR_NOMEM);
    CHECK_INT(drn_st_writer_add(w, "__metadata__", DRN_ST_F32, 1, one, &big, &err),
              DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_meta(w, "k", "\xff", &err), DRN_ERR_INVALID);
    CHECK_INT(drn_st_writer_write(w, path, &err), DRN_ERR_NUMERIC);
    CHECK(strstr(err.message, "'a': element 0 is 1e+06") && !drn_path_exists(path));
    CHECK_INT(drn_st_writer_write(w, "/nowhere/x.safetensors", &err), DRN_ERR_IO);
    drn_st_writer_free(w);
    char **names;
    size_t n;
    CHECK_OK(drn_dir_list(&names, &n, test_tmp_dir(), &err), err);
    for (size_t i = 0; i < n; i++)
        CHECK(!strstr(names[i], ".tmp"));
    drn_list_free(names, n);
}

TEST(nomem, "writing and reading fail cleanly whichever allocation is refused")
{
    drn_error err = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/nth.safetensors", test_tmp_dir());
    json_set_alloc_funcs(drn_alloc, drn_free);
    size_t before = drn_mem_current(), n = 0;
    drn_status wrote = DRN_ERR_NOMEM, read = DRN_ERR_NOMEM;
    while (wrote != DRN_OK) {
        drn_mem_fail_nth(++n);
        wrote = write_sample(path, &err);
        drn_mem_fail_nth(0);
        CHECK_INT(drn_mem_current(), before);
        CHECK(wrote == DRN_OK || !drn_path_exists(path));
        CHECK(wrote == DRN_OK || (err.code == wrote && err.message[0]));
    }
    CHECK(n > 20);
    for (n = 0; read != DRN_OK;) {
        drn_safetensors *st = NULL;
        drn_mem_fail_nth(++n);
        read = drn_safetensors_open(&st, path, &err);
        drn_mem_fail_nth(0);
        CHECK((st != NULL) == (read == DRN_OK));
        drn_safetensors_free(st);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK(n > 20);
}
