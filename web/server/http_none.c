/* Builds without libmicrohttpd. */
#include "server/serve.h"

#include <stdio.h>

drn_status web_server_start(web_server **out, const web_options *options, drn_error *err)
{
    (void)out;
    (void)options;
    snprintf(err->message, sizeof err->message,
             "this build has no server; install libmicrohttpd and build again");
    return err->code = DRN_ERR_UNSUPPORTED;
}

const char *web_server_url(const web_server *server)
{
    (void)server;
    return "";
}

void web_server_stop(web_server *server)
{
    (void)server;
}
