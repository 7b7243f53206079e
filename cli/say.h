/* What events of all commands are made of. */
#ifndef DRN_CLI_SAY_H
#define DRN_CLI_SAY_H

#include <jansson.h>
#include <stdio.h>

/* Of a clock that only goes forward. */
double say_seconds(void);
/* A JSON string; what is not UTF-8 in it becomes "?". */
json_t *say_text(const char *s);
/* The object as a line on the standard output, or in a file; it is freed. */
void say_json(json_t *o);
void say_json_to(FILE *f, json_t *o);
/* The end of a long name. */
const char *say_brief(const char *name);

#endif
