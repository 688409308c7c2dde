/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/local.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/control.h"
#include "ctl/print.h"

#include <stdlib.h>

/* The run directory may be a link to a short one (socket paths end at 107 bytes), so the link is followed
 * first. */
static enum err socket_path(const struct ctl_settings *settings, char ret[CONTROL_PATH_MAX + 1])
{
        CLEANUP(buf) struct buf run = BUF_UP_TO(8192);
        CLEANUP(freep) char *real = NULL;

        if (settings->run_dir[0] != '\0')
                TRY(buf_add_text(&run, settings->run_dir));
        else
                TRY(buf_addf(&run, "%s/run", settings->home));
        real = realpath(buf_text(&run), NULL);
        if (real == NULL)
                return ERR_NOT_FOUND;
        return control_path(real, settings->instance, ret);
}

static enum err ask(const struct ctl_settings *settings, json_t *request, json_t **ret)
{
        char path[CONTROL_PATH_MAX + 1];

        TRY(socket_path(settings, path));
        return control_call(path, request, (int)settings->timeout_s * 1000, ret);
}

static enum exit_status ask_and_show(const struct ctl_settings *settings, json_t *request, enum output output)
{
        CLEANUP(jsonp) json_t *answer = NULL;
        enum err e = ask(settings, request, &answer);
        enum exit_status status;

        if (e != ERR_OK)
                return exit_because(EXIT_NETWORK, "broker of %.64s: %s", settings->instance,
                                    e == ERR_NOT_FOUND ? "nobody listens on its control socket"
                                                       : err_text(e));
        status = print_answer(answer, output);
        return status == EXIT_DONE && !json_is_true(json_object_get(answer, "ok")) ? EXIT_API_ERROR : status;
}

enum exit_status local_status(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(jsonp) json_t *request = json_pack("{s:s}", "op", "status");

        if (request == NULL)
                return exit_because(EXIT_USAGE, "out of memory");
        return ask_and_show(settings, request, o->output);
}

enum exit_status local_control(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(jsonp) json_t *request = json_loads(o->arguments[0], JSON_REJECT_DUPLICATES, NULL);

        if (!json_is_object(request))
                return exit_because(EXIT_USAGE, "control takes one JSON object, like '{\"op\":\"status\"}'");
        return ask_and_show(settings, request, o->output);
}
