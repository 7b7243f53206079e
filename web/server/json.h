/* What the API says, as JSON.  All make a new reference, NULL without memory. */
#ifndef DRN_WEB_JSON_H
#define DRN_WEB_JSON_H

#include "server/api.h"

#include <jansson.h>

json_t *web_json_error(const web_error *err);
json_t *web_json_job(const job_info *info);
json_t *web_json_info(const web_options *options, const web_models *models);
/* Its text, malloc'ed; takes the reference. */
char *web_json_text(json_t *json);

#endif
