/* Signals that end the program. */
#ifndef DRN_CLI_INTERRUPT_H
#define DRN_CLI_INTERRUPT_H

#include <stdbool.h>

/* At the start of every command: none leaves temporary files behind. */
void interrupt_start(void);
/* Ctrl-C for commands that run long: the first asks, the second ends at once. */
void interrupt_catch(void);
bool interrupt_asked(void);
/* For handlers: the next signal of this number ends at once. */
void interrupt_second(int number);

#endif
