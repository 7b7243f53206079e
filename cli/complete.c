/* Completion for bash and zsh.  What can stand behind an option follows from its type and from what
 * the help calls its value. */
#include "describe.h"

#include "drn/model.h"
#include "models.h"

#include <string.h>

typedef enum value_kind {
    VALUE_NONE,   /* a flag */
    VALUE_NUMBER, /* nothing to offer */
    VALUE_WORDS,  /* one of the choices */
    VALUE_MODEL,  /* a built-in model or a file */
    VALUE_FILE
} value_kind;

static value_kind kind_of(const opt *o)
{
    switch (o->type) {
    case OPT_FLAG:
        return VALUE_NONE;
    case OPT_INT:
    case OPT_NUMBER:
        return VALUE_NUMBER;
    case OPT_CHOICE:
        return VALUE_WORDS;
    default:
        return strcmp(o->arg, "MODEL") == 0 ? VALUE_MODEL : VALUE_FILE;
    }
}

static void put_words(FILE *f, const char *choices)
{
    for (; *choices; choices++)
        putc(*choices == '|' ? ' ' : *choices, f);
}

static void put_models(FILE *f)
{
    fputs("default", f);
    for (size_t i = 0; drn_model_builtin(i); i++)
        fprintf(f, " %s", drn_model_builtin(i)->name);
}

/* The names that choose by the picture, where an option knows them. */
static const char *choosers(const opt *o)
{
    return o->fallback && strcmp(o->fallback, AUTO_MODEL) == 0 ? " " AUTO_MODEL " " BEST_MODEL : "";
}

static bool takes_model(const command *cmd)
{
    return strstr(cmd->args, "MODEL") != NULL;
}

/* ---- bash ---- */

/* "--output|-o" */
static void put_pattern(FILE *f, const opt *o)
{
    fprintf(f, "        --%s", o->name);
    if (o->key)
        fprintf(f, " | -%c", o->key);
    fputs(") ", f);
}

static void put_bash_command(FILE *f, const command *cmd)
{
    fprintf(f, "    %s)\n        case $prev in\n", cmd->name);
    for (const opt *o = cmd->opts; o->name; o++) {
        value_kind kind = kind_of(o);
        if (kind == VALUE_NONE)
            continue;
        put_pattern(f, o);
        if (kind == VALUE_WORDS) {
            fputs("_drn_words '", f);
            put_words(f, o->choices);
            fputs("'; return ;;\n", f);
        } else if (kind == VALUE_MODEL) {
            fprintf(f, "_drn_models%s; return ;;\n", choosers(o));
        } else {
            fputs(kind == VALUE_NUMBER ? "_drn_nothing; return ;;\n" : "return ;;\n", f);
        }
    }
    fputs("        esac\n        options='", f);
    for (const opt *o = cmd->opts; o->name; o++) {
        fprintf(f, "--%s ", o->name);
        if (o->key)
            fprintf(f, "-%c ", o->key);
    }
    fprintf(f, "--help --usage'\n        arguments=%s\n        ;;\n",
            cmd->max_args == 0 ? "_drn_nothing"
            : takes_model(cmd) ? "_drn_models"
                               : ":");
}

void complete_write_bash(FILE *f, const command *const *commands, int count)
{
    fputs("# bash completion for drn, made from its option tables\n\n"
          "_drn_words() {\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
          "    [ \"${#COMPREPLY[@]}\" -gt 0 ] || _drn_nothing\n"
          "}\n"
          "# no file names either\n"
          "_drn_nothing() {\n    compopt +o default 2>/dev/null\n}\n"
          "_drn_models() {\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$* ",
          f);
    put_models(f);
    fputs("\" -- \"$cur\"; compgen -f -- \"$cur\")\n"
          "    compopt -o filenames 2>/dev/null\n"
          "}\n\n"
          "_drn() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} options='' "
          "arguments=:\n"
          "    local commands='",
          f);
    for (int i = 0; i < count; i++)
        fprintf(f, "%s ", commands[i]->name);
    fputs("help'\n"
          "    COMPREPLY=()\n"
          "    # --scale=4 comes as three words\n"
          "    if [ \"$cur\" = = ]; then\n"
          "        cur=\n"
          "    elif [ \"$prev\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
          "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    if [ \"$COMP_CWORD\" -le 1 ]; then\n"
          "        _drn_words \"$commands --help --version\"\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]} in\n"
          "    help) _drn_words \"$commands\"; return ;;\n",
          f);
    for (int i = 0; i < count; i++)
        put_bash_command(f, commands[i]);
    fputs("    *) _drn_nothing; return ;;\n"
          "    esac\n"
          "    case $cur in\n"
          "    -*) _drn_words \"$options\" ;;\n"
          "    *) $arguments ;;\n"
          "    esac\n"
          "}\n"
          "complete -o default -F _drn drn\n",
          f);
}

/* ---- zsh ---- */

/* Within single quotes, within the brackets of a specification. */
static void put_quoted(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            putc('\\', f);
        if (*text == '\'')
            fputs("'\\''", f);
        else
            putc(*text, f);
    }
}

static void put_zsh_option(FILE *f, const opt *o)
{
    value_kind kind = kind_of(o);
    const char *repeat = o->type == OPT_LIST ? "*" : "";
    const char *equals = kind == VALUE_NONE ? "" : "=", *plus = kind == VALUE_NONE ? "" : "+";
    fputs("            ", f);
    if (o->key && !*repeat)
        fprintf(f, "'(-%c --%s)'", o->key, o->name);
    else
        fprintf(f, "'%s'", repeat);
    if (o->key)
        fprintf(f, "{-%c%s,--%s%s}", o->key, plus, o->name, equals);
    else
        fprintf(f, "--%s%s", o->name, equals);
    fputs("'[", f);
    put_quoted(f, o->doc);
    putc(']', f);
    if (kind != VALUE_NONE) {
        fprintf(f, ":%s:", o->arg);
        if (kind == VALUE_WORDS) {
            putc('(', f);
            put_words(f, o->choices);
            putc(')', f);
        } else if (kind == VALUE_MODEL) {
            fprintf(f, " _drn_models%s", choosers(o)); /* the space: called with these words alone */
        } else {
            fputs(kind == VALUE_FILE ? "_files" : " ", f);
        }
    }
    fputs("' \\\n", f);
}

static void put_zsh_command(FILE *f, const command *cmd)
{
    fprintf(f, "    %s)\n        _arguments -s \\\n", cmd->name);
    for (const opt *o = cmd->opts; o->name; o++)
        put_zsh_option(f, o);
    fputs("            '(- *)'{-\\?,--help}'[print the options and end]' \\\n"
          "            '(- *)--usage[print a short list of the options and end]'",
          f);
    if (cmd->max_args != 0)
        fprintf(f, " \\\n            '*:argument:%s'", takes_model(cmd) ? " _drn_models" : "_files");
    fputs("\n        ;;\n", f);
}

void complete_write_zsh(FILE *f, const command *const *commands, int count)
{
    fputs("#compdef drn\n# made from the option tables of the program\n\n"
          "_drn_models() {\n    compadd -- $* ",
          f);
    put_models(f);
    fputs("\n    _files\n}\n\n"
          "_drn() {\n    local -a commands=(\n",
          f);
    for (int i = 0; i < count; i++) {
        fprintf(f, "        '%s:", commands[i]->name);
        put_quoted(f, commands[i]->summary);
        fputs("'\n", f);
    }
    fputs("        'help:The list of commands, or the options of one'\n    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        compadd -- --help --version\n"
          "        return\n"
          "    fi\n"
          "    local name=$words[2]\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $name in\n"
          "    help) _describe command commands ;;\n",
          f);
    for (int i = 0; i < count; i++)
        put_zsh_command(f, commands[i]);
    fputs("    esac\n}\n\n_drn \"$@\"\n", f);
}
