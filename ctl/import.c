/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import.h"

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/config_file.h"
#include "ctl/field.h"
#include "ctl/file.h"
#include "ctl/import_ca.h"
#include "ctl/import_certificate.h"
#include "ctl/import_job.h"
#include "ctl/import_mapping.h"
#include "ctl/instance.h"
#include "ctl/print.h"
#include "ctl/rollout.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

static enum err read_wanted(const struct options *o, struct import_job *j)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONFIG_TEXT_MAX);
        struct failure why = {0};
        enum err e = file_read(o->arguments[0], &text);

        if (e != ERR_OK)
                return failure_set(j->client->failure, EXIT_USAGE, "%.200s: %s", o->arguments[0],
                                   err_text(e));
        e = config_read(buf_text(&text), text.len, &j->wanted, &why);
        if (e == ERR_REFUSED)
                return failure_set(j->client->failure, EXIT_USAGE, "%.200s: %.2000s", o->arguments[0],
                                   why.text);
        TRY(e);
        j->instance = o->given[OPTION_INSTANCE] ? o->values[OPTION_INSTANCE]
                                                : field_text(j->wanted, "MqttInstanceId");
        return ERR_OK;
}

static enum err create(struct import_job *j)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "CreateInstance");
        CLEANUP(jsonp) json_t *answer = NULL;
        const char *name = field_text(j->wanted, "InstanceName"), *edition = field_text(j->wanted, "Edition");

        TRY(import_change(j, "create", j->instance, "", edition));
        if (j->dry_run)
                return ERR_OK;
        TRY(question_add(&q, "MqttInstanceId", j->instance));
        if (name[0] != '\0')
                TRY(question_add(&q, "InstanceName", name));
        if (edition[0] != '\0')
                TRY(question_add(&q, "Edition", edition));
        TRY(client_ask(j->client, &q, &answer));
        return instance_describe(j->client, j->instance, &j->described);
}

/* j->described stays NULL for an instance that is made by --create without --dry-run only later. */
static enum err describe(struct import_job *j, bool may_create)
{
        enum err e = instance_describe(j->client, j->instance, &j->described);

        if (e != ERR_REFUSED || strcmp(j->client->code, "MqttInstanceNotFound") != 0)
                return e;
        if (!may_create)
                return failure_set(j->client->failure, EXIT_API_ERROR,
                                   "there is no instance %.64s; --create makes it", j->instance);
        return create(j);
}

static enum err read_present(struct import_job *j)
{
        const json_t *row;
        size_t i;

        j->present = json_object();
        TRY(account_read(j->client, &j->account));
        if (j->described == NULL)
                return ERR_OK;
        TRY(mapping_read(j->client, j->instance, &j->mapping));
        json_array_foreach(j->mapping.rows, i, row)
        {
                TRY(field_set(j->present, field_text(row, "Domain"), json_incref((json_t *)row)));
        }
        return instance_cas(j->client, j->instance, field_text(j->described, "Edition"), &j->cas);
}

/* What no operation can change. */
static enum err note_fixed(struct import_job *j)
{
        static const char *const fixed[] = {"InstanceName", "Edition"};

        for (size_t i = 0; j->described != NULL && i < sizeof fixed / sizeof fixed[0]; i++) {
                const char *wanted = field_text(j->wanted, fixed[i]),
                           *is = field_text(j->described, fixed[i]);

                if (wanted[0] != '\0' && strcmp(wanted, is) != 0)
                        TRY(import_note(j, fixed[i], "stays %s; in the file it is %s", is, wanted));
        }
        return ERR_OK;
}

/* ---- changing ---- */

static const char *text_of_bool(const json_t *value)
{
        return json_is_true(value) ? "true" : "false";
}

/* Mode and LoginRequired go together; what the file does not have stays as it is. */
static enum err set_mode(struct import_job *j)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "SetAuthenticationMode");
        CLEANUP(jsonp) json_t *answer = NULL;
        const char *mode = field_text(j->wanted, "AuthenticationMode");
        const json_t *login = json_object_get(j->wanted, "LoginRequired");
        const char *is = j->described != NULL ? field_text(j->described, "AuthenticationMode") : "one-way";
        const char *login_is = text_of_bool(json_object_get(j->described, "LoginRequired"));
        bool mode_differs = mode[0] != '\0' && strcmp(mode, is) != 0;
        bool login_differs = login != NULL && strcmp(text_of_bool(login), login_is) != 0;

        if (mode_differs)
                TRY(import_change(j, "mode", "AuthenticationMode", is, mode));
        if (login_differs)
                TRY(import_change(j, "mode", "LoginRequired", login_is, text_of_bool(login)));
        if (j->dry_run || !(mode_differs || login_differs))
                return ERR_OK;
        TRY(question_add(&q, "MqttInstanceId", j->instance));
        TRY(question_add(&q, "Mode", mode_differs ? mode : is));
        if (login_differs)
                TRY(question_add(&q, "LoginRequired", text_of_bool(login)));
        return client_ask(j->client, &q, &answer);
}

static enum err make_so(struct import_job *j)
{
        if (!j->dry_run)
                TRY(import_upload(j));
        if (import_mapping_differs(j) && (j->described != NULL || !j->dry_run))
                TRY(import_set_mapping(j));
        TRY(import_cas(j));
        return set_mode(j);
}

static enum err import_all(const struct options *o, struct import_job *j)
{
        TRY(read_wanted(o, j));
        TRY(describe(j, o->given[OPTION_CREATE]));
        TRY(read_present(j));
        TRY(note_fixed(j));
        TRY(import_resolve(j));
        TRY(import_compare(j));
        return make_so(j);
}

/* ---- telling ---- */

static enum exit_status show(const struct import_job *j, enum output output)
{
        CLEANUP(jsonp)
        json_t *result =
                json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:O, s:O, s:O}", "MqttInstanceId", j->instance,
                          "DryRun", j->dry_run, "Uploaded", (json_int_t)j->uploads, "DomainsAdded",
                          (json_int_t)j->added, "DomainsChanged", (json_int_t)j->changed, "DomainsRemoved",
                          (json_int_t)j->removed, "DomainsUnchanged", (json_int_t)j->unchanged, "Changes",
                          j->changes, "Notes", j->notes, "Problems", j->problems);

        return result != NULL ? print_answer(result, output) : exit_because(EXIT_API_ERROR, "out of memory");
}

static enum exit_status finish(const struct options *o, struct import_job *j)
{
        enum exit_status status = show(j, o->output);
        size_t problems = json_array_size(j->problems);

        if (status == EXIT_DONE && o->wait_s > 0 && !j->dry_run)
                status = failure_exit(j->client->failure, rollout_wait(j->client, j->instance, o->wait_s));
        if (status == EXIT_DONE && problems > 0)
                return exit_because(EXIT_API_ERROR, "%zu problem%s: not everything is as the file says",
                                    problems, problems > 1 ? "s" : "");
        return status;
}

enum exit_status import_run(const struct ctl_settings *settings, const struct options *o)
{
        struct failure f = {0};
        CLEANUP(client) struct client c = {0};
        CLEANUP(import_job)
        struct import_job j = {.client = &c,
                               .places = {o->arguments[0], o->values[OPTION_KEYS]},
                               .dry_run = o->given[OPTION_DRY_RUN],
                               .delete_missing = o->given[OPTION_DELETE_MISSING],
                               .resolved = json_object(),
                               .changes = json_array(),
                               .notes = json_array(),
                               .problems = json_array()};
        enum err e = client_open(settings, &f, &c);

        if (e == ERR_OK)
                e = import_all(o, &j);
        return e == ERR_OK ? finish(o, &j) : failure_exit(&f, e);
}
