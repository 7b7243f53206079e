/* What the commands share: option tables, messages, exit codes, lists of pictures. */
#ifndef DRN_CLI_H
#define DRN_CLI_H

#include "drn/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

typedef enum opt_type {
    OPT_FLAG,   /* bool, false until given */
    OPT_INT,    /* int within min..max */
    OPT_NUMBER, /* double within min..max */
    OPT_TEXT,   /* const char *, borrowed from argv */
    OPT_CHOICE, /* int: index of the word in choices */
    OPT_LIST    /* text_list: every time it is given adds one */
} opt_type;

typedef struct text_list {
    const char *items[64];
    int count;
} text_list;

/* One option: drives parsing, defaults and help. */
typedef struct opt {
    const char *name; /* long, without dashes */
    int key;          /* its letter, or 0 */
    const char *arg;  /* what the help calls its value; NULL for flags */
    opt_type type;
    size_t offset;        /* of its value in the command's struct */
    const char *fallback; /* default, as one would type it; NULL: none */
    const char *doc;
    const char *choices; /* "symmetric|clamp" */
    double min, max;
    bool required;
} opt;

/* A row of a table; the command's struct is called `options`. */
#define OPT(kind, member, long_name, letter, ...)                                                  \
    {                                                                                              \
        .name = long_name, .key = letter, .type = OPT_##kind, .offset = offsetof(options, member), \
        __VA_ARGS__                                                                                \
    }

typedef struct command {
    const char *name;
    const char *args;       /* "IN -o OUT -s S" */
    const char *summary;    /* one line */
    const char *more;       /* printed behind the options; may be NULL */
    const opt *opts;        /* ends with a NULL name */
    int min_args, max_args; /* positional; max < 0: any number */
    int (*run)(int argc, char **argv);
} command;

/* Positional arguments, borrowed from argv. */
typedef struct arg_list {
    char **items;
    int count;
} arg_list;

/* Fill values (the command's struct) from defaults and argv.  Ends the program with 2 and a message
 * when they make no sense, with 0 after --help. */
void cli_parse(const command *cmd, void *values, arg_list *args, int argc, char **argv);

/* "1920x1080", sides up to 2^30; false when it is none. */
bool cli_box(const char *text, int32_t *width, int32_t *height);

/* A usage error found later: message, where to read on, exit code 2. */
_Noreturn void cli_usage(const command *cmd, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* printf() of what has file names or other words in it: none is a command to a terminal. */
void cli_say(FILE *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Of a text control characters, but the ends of lines and tabs, become "?". */
void cli_plain(char *text);

/* "drn: message" on stderr; returns EXIT_FAILED. */
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_fail(const drn_error *err);

/* All or nothing: these end the program with 1 when memory is refused. */
void *cli_alloc(size_t count, size_t size);
void *cli_grow(void *p, size_t count, size_t size);
char *cli_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

extern const command cmd_doctor;
extern const command cmd_adapt, cmd_bench, cmd_bound, cmd_downscale, cmd_evaluate, cmd_export, cmd_figure, cmd_info, cmd_models, cmd_pack, cmd_report, cmd_study, cmd_serve, cmd_train, cmd_upscale, cmd_video;

#endif
