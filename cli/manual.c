/* Manual pages in man(7)'s macros. */
#include "describe.h"

#include <ctype.h>
#include <string.h>

/* Text of a paragraph, with what roff would take for commands made harmless. */
static void put_text(FILE *f, const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", f);
        line_start = *text == '\n';
        if (line_start)
            fputs("\n.br", f);
        if (*text == '\\')
            fputs("\\e", f);
        else if (*text == '-')
            fputs("\\-", f);
        else if (*text == '\'')
            fputs("\\(aq", f);
        else if (*text == '`')
            fputs("\\(ga", f);
        else if (*text == '^')
            fputs("\\(ha", f);
        else if (*text == '~')
            fputs("\\(ti", f);
        else
            putc(*text, f);
    }
}

static void put_title(FILE *f, const char *name)
{
    fputs(".\\\" made from the option tables of the program\n.TH DRN", f);
    for (const char *p = name ? name : ""; *p; p++)
        fprintf(f, "%s%c", p == name ? "\\-" : "", toupper((unsigned char)*p));
    fprintf(f, " 1 \"\" \"drn %s\" \"User Commands\"\n", drn_version());
}

static void put_option(FILE *f, const opt *o)
{
    fputs(".TP\n", f);
    if (o->key)
        fprintf(f, "\\fB\\-%c\\fR%s\\fI%s\\fR, ", o->key, o->arg ? " " : "", o->arg ? o->arg : "");
    fputs("\\fB\\-\\-", f);
    put_text(f, o->name);
    fprintf(f, "\\fR%s\\fI%s\\fR\n", o->arg ? "=" : "", o->arg ? o->arg : "");
    put_text(f, o->doc);
    fputs(".\n", f);
    if (o->choices) {
        fputs("One of ", f);
        for (const char *p = o->choices; *p;) {
            size_t n = strcspn(p, "|");
            fprintf(f, "\\fB%.*s\\fR", (int)n, p);
            p += n + (p[n] == '|');
            fputs(*p ? ", " : ".\n", f);
        }
    }
    if (o->type == OPT_LIST)
        fputs("May be given several times.\n", f);
    if (o->fallback) {
        fputs("Default: ", f);
        put_text(f, o->fallback);
        fputs(".\n", f);
    }
    if (o->required)
        fputs("Required.\n", f);
}

static void put_exit_codes(FILE *f)
{
    fputs(".SH EXIT STATUS\n"
          ".TP\n\\fB0\\fR\nDone.\n"
          ".TP\n\\fB1\\fR\nSomething failed; the message says what.\n"
          ".TP\n\\fB2\\fR\nWrong usage.\n",
          f);
}

void manual_write(FILE *f, const command *cmd)
{
    put_title(f, cmd->name);
    fprintf(f, ".SH NAME\ndrn\\-%s \\- ", cmd->name);
    put_text(f, cmd->summary);
    fprintf(f, "\n.SH SYNOPSIS\n\\fBdrn %s\\fR [\\fIOPTION\\fR...] ", cmd->name);
    put_text(f, cmd->args);
    fputs("\n.SH DESCRIPTION\n", f);
    put_text(f, cmd->summary);
    fputs(".\n", f);
    if (cmd->more) {
        fputs(".PP\n", f);
        put_text(f, cmd->more);
        fputs("\n", f);
    }
    fputs(".SH OPTIONS\n", f);
    for (const opt *o = cmd->opts; o->name; o++)
        put_option(f, o);
    fputs(".TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\nPrint the options and end.\n"
          ".TP\n\\fB\\-\\-usage\\fR\nPrint a short list of the options and end.\n",
          f);
    put_exit_codes(f);
    fputs(".SH SEE ALSO\n\\fBdrn\\fR(1)\n", f);
}

void manual_write_program(FILE *f, const command *const *commands, int count)
{
    put_title(f, NULL);
    fputs(
        ".SH NAME\ndrn \\- image super\\-resolution with dual reconstruction networks\n"
        ".SH SYNOPSIS\n\\fBdrn\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.br\n"
        "\\fBdrn help\\fR [\\fICOMMAND\\fR]\n.br\n\\fBdrn \\-\\-version\\fR\n"
        ".SH DESCRIPTION\n"
        "Enlarges photographs, measures how well, and trains the networks that do it.  A trained "
        "model is inside the program.\n"
        ".SH COMMANDS\n",
        f);
    for (int i = 0; i < count; i++) {
        fprintf(f, ".TP\n\\fBdrn\\-%s\\fR(1)\n", commands[i]->name);
        put_text(f, commands[i]->summary);
        fputs(".\n", f);
    }
    fputs(".SH ENVIRONMENT\n"
          ".TP\n\\fBDRN_ISA\\fR\nThe set of kernels to use instead of the best one, for example "
          "\\fBref\\fR: portable C.\n"
          ".TP\n\\fBDRN_CUDA_DEVICE\\fR\nNumber of the GPU to use.\n",
          f);
    put_exit_codes(f);
    fputs(".SH SEE ALSO\n", f);
    for (int i = 0; i < count; i++)
        fprintf(f, "\\fBdrn\\-%s\\fR(1)%s\n", commands[i]->name, i + 1 < count ? "," : "");
}
