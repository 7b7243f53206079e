/* The option tables as manual pages and shell completion, for the build: drn __describe. */
#ifndef DRN_CLI_DESCRIBE_H
#define DRN_CLI_DESCRIBE_H

#include "cli.h"

#include <stdio.h>

/* `man DIR` writes drn.1 and drn-COMMAND.1 for every command; `bash FILE` and `zsh FILE` write the
 * completion of one shell. */
int describe(const command *const *commands, int count, int argc, char **argv);

/* One file's content each. */
void manual_write(FILE *f, const command *cmd);
void manual_write_program(FILE *f, const command *const *commands, int count);
void complete_write_bash(FILE *f, const command *const *commands, int count);
void complete_write_zsh(FILE *f, const command *const *commands, int count);

#endif
