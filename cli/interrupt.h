/* Ctrl-C for commands that run long: the first asks, the second ends at once. */
#ifndef DRN_CLI_INTERRUPT_H
#define DRN_CLI_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupt_asked(void);

#endif
