#include "describe.h"

#include <stdlib.h>
#include <string.h>

static FILE *begin(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f)
        cli_error("%s: cannot be written", path);
    return f;
}

static bool end(FILE *f, const char *path)
{
    bool bad = ferror(f);
    bad = fclose(f) != 0 || bad;
    if (bad)
        cli_error("%s: cannot be written", path);
    return !bad;
}

static int describe_manual(const command *const *commands, int count, const char *dir)
{
    bool ok = true;
    for (int i = -1; i < count && ok; i++) {
        char *path =
            i < 0 ? cli_format("%s/drn.1", dir) : cli_format("%s/drn-%s.1", dir, commands[i]->name);
        FILE *f = begin(path);
        if (f && i < 0)
            manual_write_program(f, commands, count);
        else if (f)
            manual_write(f, commands[i]);
        ok = f && end(f, path);
        free(path);
    }
    return ok ? EXIT_OK : EXIT_FAILED;
}

int describe(const command *const *commands, int count, int argc, char **argv)
{
    if (argc != 2)
        return cli_error("usage: drn __describe man DIR | bash FILE | zsh FILE"), EXIT_USAGE;
    if (strcmp(argv[0], "man") == 0)
        return describe_manual(commands, count, argv[1]);
    bool bash = strcmp(argv[0], "bash") == 0;
    if (!bash && strcmp(argv[0], "zsh") != 0)
        return cli_error("__describe: man, bash or zsh, not '%s'", argv[0]), EXIT_USAGE;
    FILE *f = begin(argv[1]);
    if (f)
        (bash ? complete_write_bash : complete_write_zsh)(f, commands, count);
    return f && end(f, argv[1]) ? EXIT_OK : EXIT_FAILED;
}
