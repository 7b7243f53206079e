/* manifest.csv: which rows are wanted, and what broken ones say. */
#include "data/manifest.h"
#include "pictures.h"

static drn_status read_text(char ***names, size_t *n, const char *text, const char *split,
                            bool free_only, drn_error *err)
{
    const char *dir = fresh_dir();
    put_text(dir, "manifest.csv", text);
    char *path = drn_path_join(dir, "manifest.csv");
    drn_status st = drn_manifest_read(names, n, path, split, free_only, err);
    drn_free(path);
    return st;
}

/* wanted: the names, each followed by a blank. */
static void gives(const char *text, const char *split, bool free_only, const char *wanted)
{
    char **names, all[256] = "";
    size_t n;
    drn_error err = {0};
    CHECK_OK(read_text(&names, &n, text, split, free_only, &err), err);
    for (size_t i = 0; i < n; i++) {
        strcat(all, names[i]);
        strcat(all, " ");
    }
    drn_list_free(names, n);
    CHECK_STR(all, wanted);
}

static void refused(const char *text, const char *split, bool free_only, const char *part)
{
    char **names;
    size_t n, before = drn_mem_current();
    drn_error err = {0};
    CHECK_INT(read_text(&names, &n, text, split, free_only, &err), DRN_ERR_FORMAT);
    if (!strstr(err.message, part))
        test_fail(__FILE__, __LINE__, "\"%s\" lacks \"%s\"", err.message, part);
    CHECK_INT(drn_mem_current(), before);
}

#define TABLE                                                                                      \
    "file,free,split\n"                                                                            \
    "a.png,1,train\nb.png,0,train\nc.png,1,val\nd.png,0,val\n"

TEST(filters, "the split and the licence choose the rows")
{
    gives(TABLE, NULL, false, "a.png b.png c.png d.png ");
    gives(TABLE, "train", false, "a.png b.png ");
    gives(TABLE, "val", false, "c.png d.png ");
    gives(TABLE, "train", true, "a.png ");
    gives(TABLE, NULL, true, "a.png c.png ");
    gives(TABLE, "test", false, "");
}

TEST(quotes, "quoted fields hold commas, quotes and line ends")
{
    gives("file,licence,split\na.png,\"(c) A, B\",train\nb.png,\"\"\"by\"\", \"\"sa\"\"\",val\n",
          "train", false, "a.png ");
    gives("file,licence,split\na.png,\"x\ny,train\",val\n\"b, c.png\",,\"train\"\n", "train", false,
          "b, c.png ");
    gives("licence,split,\"file\"\r\n\"a\"\"b\",train,\"q\"\"q.png\"\r\n", "train", false,
          "q\"q.png ");
}

TEST(line_ends, "CRLF, a byte order mark, empty lines and a missing last line end are fine")
{
    gives("\xEF\xBB\xBF"
          "file,split\r\na.png,train\r\n\r\nb.png,train",
          "train", false, "a.png b.png ");
    gives("file,split\n", "train", false, "");
    gives("file", NULL, false, "");
}

TEST(broken, "a broken manifest is refused with the line")
{
    refused("", NULL, false, "no column 'file'");
    refused("name,split\n", NULL, false, "no column 'file'");
    refused("file,x\na,b\n", "train", false, "no column 'split'");
    refused("file,split\na,train\n", "train", true, "no column 'free'");
    refused("file,split\na.png,train\nb.png\n", "train", false, ":3: the row has only 1 field");
    refused("file,split\na.png,\"x\ny\"\nb.png\n", NULL, false, ":4: the row has only 1 field");
    refused("file,x\n\"a.png,b\nc", NULL, false, ":2: the quote is never closed");
    refused("file,x\n\"a\"b,c\n", NULL, false, ":2: a comma");
    refused("file,x\n../../etc/a.png,c\n", NULL, false, ":2: bad file name");
    refused("file,x\n..,c\n", NULL, false, ":2: bad file name");
    refused("file,x\n,c\n", NULL, false, ":2: bad file name");
}

TEST(memory, "every refused allocation is an error and loses nothing")
{
    const char *dir = fresh_dir();
    put_text(dir, "manifest.csv", TABLE);
    char *path = drn_path_join(dir, "manifest.csv"), **names;
    size_t n, before = drn_mem_current();
    drn_error err = {0};
    drn_status st = DRN_ERR_NOMEM;
    for (size_t nth = 1; nth < 100 && st != DRN_OK; nth++) {
        drn_mem_fail_nth(nth);
        st = drn_manifest_read(&names, &n, path, "train", false, &err);
        drn_mem_fail_nth(0);
        CHECK(st == DRN_OK || st == DRN_ERR_NOMEM);
        CHECK(nth > 1 || st != DRN_OK);
        if (st == DRN_OK)
            drn_list_free(names, n);
        CHECK_INT(drn_mem_current(), before);
    }
    CHECK_OK(st, err);
    drn_free(path);
}

/* Counted with Python's csv module. */
TEST(real, "the manifest of the training pictures gives 2067 + 74 rows, 413 + 21 of them free")
{
    char path[512], **names;
    static const struct {
        const char *split;
        bool free_only;
        size_t rows;
    } wanted[] = {{"train", false, 2067},
                  {"val", false, 74},
                  {"train", true, 413},
                  {"val", true, 21},
                  {NULL, false, 2141}};
    drn_error err = {0};
    if (!test_data_dir())
        SKIP("no pictures");
    snprintf(path, sizeof path, "%s/train/manifest.csv", test_data_dir());
    if (!drn_path_exists(path))
        SKIP("no training pictures");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        size_t n;
        CHECK_OK(drn_manifest_read(&names, &n, path, wanted[i].split, wanted[i].free_only, &err),
                 err);
        drn_list_free(names, n);
        CHECK_INT(n, wanted[i].rows);
    }
}
