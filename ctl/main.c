/* SPDX-License-Identifier: Apache-2.0 */
/* signetctl: every operation of the API, signed, and what an operator does with several of them. Conventions
 * of the `aliyun` CLI: signetctl onsmqtt SetSniConfig --MqttInstanceId … */
#include "common/crypt.h"
#include "ctl/call.h"
#include "ctl/completion.h"
#include "ctl/exit.h"
#include "ctl/export.h"
#include "ctl/help.h"
#include "ctl/import.h"
#include "ctl/local.h"
#include "ctl/lookup.h"
#include "ctl/manual.h"
#include "ctl/mqtt.h"
#include "ctl/options.h"
#include "ctl/print.h"
#include "ctl/sessions.h"
#include "ctl/settings.h"
#include "ctl/verify.h"

#include <curl/curl.h>

typedef enum exit_status command_fn(const struct ctl_settings *settings, const struct options *o);

static command_fn *const runs[COMMANDS] = {
        [COMMAND_OPERATION] = call_run,
        [COMMAND_VERIFY] = verify_run,
        [COMMAND_EXPORT] = export_run,
        [COMMAND_IMPORT] = import_run,
        [COMMAND_STATUS] = local_status,
        [COMMAND_SESSIONS] = sessions_run,
        [COMMAND_CONTROL] = local_control,
        [COMMAND_MQTT_USER] = mqtt_user,
        [COMMAND_MQTT_PASSWORD] = mqtt_password,
        [COMMAND_COMPLETION] = completion_run,
        [COMMAND_MAN] = manual_run,
        [COMMAND_COMPLETE] = complete_run,
};

static enum err help_operations(const struct options *o, struct buf *ret, struct failure *f)
{
        CLEANUP(catalogp) struct catalog *catalog = NULL;
        const struct catalog_operation *op;
        enum product p = product_find(o->arguments[0]);

        TRY(lookup_catalog(&catalog, f));
        if (o->count < 2)
                return help_product(catalog, p, ret);
        TRY(lookup_operation(catalog, p, o->arguments[1], &op, f));
        return help_operation(op, ret);
}

static enum exit_status help(const struct options *o)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(HELP_MAX);
        struct failure f = {0};
        enum err e;

        if (o->command == COMMANDS)
                e = help_all(&text);
        else if (o->command == COMMAND_OPERATION)
                e = help_operations(o, &text, &f);
        else
                e = help_command(o->command, &text);
        return e == ERR_OK ? print_text(&text) : failure_exit(&f, e);
}

static enum exit_status run(const struct options *o)
{
        struct ctl_settings settings = {0};
        enum exit_status status;
        char why[256] = "";

        if (ctl_settings_read(&settings, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        status = runs[o->command](&settings, o);
        ctl_settings_done(&settings);
        return status;
}

int main(int argc, char *argv[])
{
        struct options options;
        struct failure f = {0};
        enum exit_status status;
        enum err e;

        crypt_harden_process();
        e = options_read(argc > 0 ? argc - 1 : 0, argv + (argc > 0), &options, &f);
        if (e != ERR_OK)
                return failure_exit(&f, e);
        if (options.given[OPTION_HELP])
                return help(&options);
        if (options.given[OPTION_VERSION])
                return print_line("signetctl " SIGNET_VERSION);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
                return exit_because(EXIT_USAGE, "libcurl cannot be set up");
        status = run(&options);
        curl_global_cleanup();
        return status;
}
