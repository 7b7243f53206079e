/* Option tables on top of argp. */
#include "cli.h"
#include "ranks.h"

#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTS = 40, FIRST_KEY = 1000 /* keys of options without a letter */ };

typedef struct parse_state {
    const command *cmd;
    char *values;
    arg_list *args;
    bool given[MAX_OPTS];
} parse_state;

__attribute__((format(printf, 2, 0))) _Noreturn static void
usage_error(const command *cmd, const char *fmt, va_list ap)
{
    char text[8192];
    vsnprintf(text, sizeof text, fmt, ap);
    if (!ranks_silent())
        cli_say(stderr, "drn %s: %s\nTry 'drn %s --help'.\n", cmd->name, text, cmd->name);
    exit(EXIT_USAGE);
}

_Noreturn void cli_usage(const command *cmd, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    usage_error(cmd, fmt, ap);
}

/* "-s" or "--border" */
static const char *shown(const opt *o, char buf[40])
{
    if (o->key)
        snprintf(buf, 40, "-%c", o->key);
    else
        snprintf(buf, 40, "--%s", o->name);
    return buf;
}

static int choice_index(const char *choices, const char *word)
{
    size_t n = strlen(word);
    int index = 0;
    for (const char *p = choices;; index++) {
        size_t len = strcspn(p, "|");
        if (len == n && strncmp(p, word, n) == 0)
            return index;
        if (!p[len])
            return -1;
        p += len + 1;
    }
}

static double parse_number(const command *cmd, const opt *o, const char *text)
{
    char name[40], *end;
    errno = 0;
    double v = strtod(text, &end);
    bool whole = o->type != OPT_INT || v == (double)(long)v;
    if (end == text || *end || errno || !(v >= o->min && v <= o->max) || !whole)
        cli_usage(cmd, "%s wants a %snumber from %.10g to %.10g, not '%s'", shown(o, name),
                  o->type == OPT_INT ? "whole " : "", o->min, o->max, text);
    return v;
}

static void set_value(const command *cmd, const opt *o, char *values, const char *text)
{
    void *at = values + o->offset;
    char name[40];
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)at = true;
        break;
    case OPT_INT:
        *(int *)at = (int)parse_number(cmd, o, text);
        break;
    case OPT_NUMBER:
        *(double *)at = parse_number(cmd, o, text);
        break;
    case OPT_TEXT:
        *(const char **)at = text;
        break;
    case OPT_CHOICE:
        *(int *)at = choice_index(o->choices, text);
        if (*(int *)at < 0)
            cli_usage(cmd, "%s wants one of %s, not '%s'", shown(o, name), o->choices, text);
        break;
    case OPT_LIST: {
        text_list *list = at;
        if (list->count == (int)(sizeof list->items / sizeof *list->items))
            cli_usage(cmd, "%s is given too often", shown(o, name));
        list->items[list->count++] = text;
        break;
    }
    }
}

static int key_of(const command *cmd, int i)
{
    return cmd->opts[i].key ? cmd->opts[i].key : FIRST_KEY + i;
}

static void check_given(const parse_state *s)
{
    char name[40];
    for (int i = 0; s->cmd->opts[i].name; i++)
        if (s->cmd->opts[i].required && !s->given[i])
            cli_usage(s->cmd, "%s %s is missing", shown(&s->cmd->opts[i], name),
                      s->cmd->opts[i].arg);
    if (s->args->count < s->cmd->min_args)
        cli_usage(s->cmd, "too few arguments; expected: drn %s %s", s->cmd->name, s->cmd->args);
}

static error_t handle(int key, char *arg, struct argp_state *state)
{
    parse_state *s = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (s->cmd->max_args >= 0 && s->args->count >= s->cmd->max_args)
            cli_usage(s->cmd, "do not know what to do with '%s'", arg);
        s->args->items[s->args->count++] = arg;
        return 0;
    case ARGP_KEY_END:
        check_given(s);
        return 0;
    default:
        break;
    }
    for (int i = 0; s->cmd->opts[i].name; i++)
        if (key == key_of(s->cmd, i)) {
            s->given[i] = true;
            set_value(s->cmd, &s->cmd->opts[i], s->values, arg);
            return 0;
        }
    return ARGP_ERR_UNKNOWN;
}

/* The description with its choices and its default. */
static char *describe(const opt *o)
{
    char *choices = o->choices ? cli_format("; %s", o->choices) : cli_format("%s", "");
    char *all = o->fallback   ? cli_format("%s%s (default: %s)", o->doc, choices, o->fallback)
                : o->required ? cli_format("%s%s (required)", o->doc, choices)
                              : cli_format("%s%s", o->doc, choices);
    free(choices);
    return all;
}

void cli_parse(const command *cmd, void *values, arg_list *args, int argc, char **argv)
{
    struct argp_option table[MAX_OPTS + 1] = {0};
    int n = 0;
    for (; cmd->opts[n].name; n++) {
        const opt *o = &cmd->opts[n];
        table[n] = (struct argp_option){o->name, key_of(cmd, n), o->arg, 0, describe(o), n + 1};
        if (o->fallback)
            set_value(cmd, o, values, o->fallback);
    }
    char *doc =
        cli_format("%s%s%s", cmd->summary, cmd->more ? "\v" : "", cmd->more ? cmd->more : "");
    args->items = cli_alloc((size_t)argc + 1, sizeof *args->items);
    args->count = 0;
    parse_state s = {.cmd = cmd, .values = values, .args = args};
    struct argp argp = {.options = table, .parser = handle, .args_doc = cmd->args, .doc = doc};
    argp_err_exit_status = EXIT_USAGE;
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    char *title = cli_format("drn %s", cmd->name);
    argv[0] = title;
    if (argp_parse(&argp, argc, argv, ranks_silent() ? ARGP_NO_ERRS : 0, NULL, &s) != 0)
        exit(EXIT_USAGE);
    for (int i = 0; i < n; i++)
        free((void *)(uintptr_t)table[i].doc);
    free(doc);
    free(title);
}

bool cli_box(const char *text, int32_t *width, int32_t *height)
{
    char *end;
    long w = strtol(text, &end, 10);
    if (end == text || *end != 'x')
        return false;
    const char *second = end + 1;
    long h = strtol(second, &end, 10);
    if (end == second || *end || w < 1 || h < 1 || w > 1 << 30 || h > 1 << 30)
        return false;
    *width = (int32_t)w;
    *height = (int32_t)h;
    return true;
}
