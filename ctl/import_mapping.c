/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_mapping.h"

#include "ctl/field.h"
#include "ctl/import_certificate.h"

#include <stdio.h>
#include <string.h>

enum { IDENTIFIER_SIZE = 40 };

static const json_t *default_wanted(const struct import_job *j)
{
        return json_object_get(j->wanted, "DefaultCertificate");
}

/* Another upload of the same certificate is no difference. */
static bool is_same(const struct import_job *j, json_int_t id, const json_t *resolved)
{
        const json_t *row = account_by_id(&j->account, id);

        return id != 0 &&
               (id == field_number(resolved, "CertId") ||
                (row != NULL && strcmp(field_text(row, "Sha256"), field_text(resolved, "Sha256")) == 0));
}

/* For people: the name, or the ID of one that is not in the list. */
static const char *name_of(const struct import_job *j, json_int_t id, char room[IDENTIFIER_SIZE])
{
        const json_t *row = account_by_id(&j->account, id);

        (void)snprintf(room, IDENTIFIER_SIZE, "%" JSON_INTEGER_FORMAT, id);
        if (id == 0)
                return "";
        return row != NULL ? field_text(row, "Name") : room;
}

static enum err compare_default(struct import_job *j)
{
        const json_t *wanted = default_wanted(j);
        char room[IDENTIFIER_SIZE];

        if (!json_is_object(wanted))
                return j->mapping.default_id == 0
                               ? ERR_OK
                               : import_problem(j, "DefaultCertificate",
                                                "an instance that has one cannot be without one again");
        if (is_same(j, j->mapping.default_id, import_resolved(j, wanted)))
                return ERR_OK;
        j->default_changed = true;
        return import_change(j, "default", "DefaultCertificate", name_of(j, j->mapping.default_id, room),
                             field_text(import_resolved(j, wanted), "Name"));
}

static enum err compare_domain(struct import_job *j, const char *domain, const json_t *reference)
{
        const json_t *row = json_object_get(j->present, domain), *resolved = import_resolved(j, reference);
        json_int_t id = field_number(row, "CertId");
        char room[IDENTIFIER_SIZE];

        if (is_same(j, id, resolved)) {
                j->unchanged++;
                return ERR_OK;
        }
        if (row == NULL)
                j->added++;
        else
                j->changed++;
        return import_change(j, row == NULL ? "add" : "change", domain, name_of(j, id, room),
                             field_text(resolved, "Name"));
}

static enum err compare_removed(struct import_job *j)
{
        const json_t *domains = json_object_get(j->wanted, "Domains");
        const char *domain;
        json_t *row;

        json_object_foreach(j->present, domain, row)
        {
                char room[IDENTIFIER_SIZE];

                if (json_object_get(domains, domain) != NULL)
                        continue;
                j->removed++;
                TRY(import_change(j, "remove", domain, name_of(j, field_number(row, "CertId"), room), ""));
        }
        return ERR_OK;
}

bool import_mapping_differs(const struct import_job *j)
{
        return j->default_changed || j->added + j->changed + j->removed > 0;
}

/* Appends it; nothing when none is given. */
static enum err add_password(struct import_job *j, const json_t *resolved, struct buf *ret)
{
        const char *name = field_text(resolved, "FileName");

        return secret_password(&j->places, name,
                               json_object_get(json_object_get(j->wanted, "ServerCertificates"), name), ret,
                               j->client->failure);
}

/* SetSniConfig takes every entry again, with its password. */
static enum err check_passwords(struct import_job *j)
{
        const char *key;
        json_t *resolved;

        json_object_foreach(j->resolved, key, resolved)
        {
                CLEANUP(buf) struct buf password = BUF_UP_TO(2 * SECRET_PASSWORD_MAX);
                const char *name = field_text(resolved, "FileName");
                const json_t *entry = json_object_get(json_object_get(j->wanted, "ServerCertificates"), name);

                TRY(add_password(j, resolved, &password));
                if (json_is_true(json_object_get(entry, "KeyEncrypted")) && password.len == 0)
                        return failure_set(
                                j->client->failure, EXIT_USAGE,
                                "server certificate %.80s: its key is encrypted and the domains have to be "
                                "set: give its password (PasswordFile, PasswordEnvironment, --keys)",
                                name);
        }
        return ERR_OK;
}

enum err import_compare(struct import_job *j)
{
        const char *domain;
        json_t *reference;

        TRY(compare_default(j));
        json_object_foreach(json_object_get(j->wanted, "Domains"), domain, reference)
        {
                TRY(compare_domain(j, domain, reference));
        }
        TRY(compare_removed(j));
        return import_mapping_differs(j) ? check_passwords(j) : ERR_OK;
}

/* ---- setting ---- */

/* What stays is sent as it is; 0: not uploaded yet. */
static json_int_t id_to_set(const struct import_job *j, json_int_t present, const json_t *resolved)
{
        return is_same(j, present, resolved) ? present : field_number(resolved, "CertId");
}

/* `ret` is <domain>#<certificate>[#<password>];… *ret_left_out: those whose certificate is not uploaded. */
static enum err entries_text(struct import_job *j, struct buf *ret, size_t *ret_left_out)
{
        const char *domain;
        json_t *reference;

        json_object_foreach(json_object_get(j->wanted, "Domains"), domain, reference)
        {
                CLEANUP(buf) struct buf password = BUF_UP_TO(2 * SECRET_PASSWORD_MAX);
                const json_t *resolved = import_resolved(j, reference);
                json_int_t present = field_number(json_object_get(j->present, domain), "CertId");
                json_int_t id = id_to_set(j, present, resolved);

                if (id == 0) {
                        (*ret_left_out)++;
                        continue;
                }
                TRY(add_password(j, resolved, &password));
                TRY(buf_addf(ret, "%s%s#%" JSON_INTEGER_FORMAT "-cn-hangzhou%s%s", ret->len > 0 ? ";" : "",
                             domain, id, password.len > 0 ? "#" : "", buf_text(&password)));
        }
        return ERR_OK;
}

static enum err add_reasons(struct import_job *j, const char *about, const json_t *texts, bool problem)
{
        const json_t *text;
        size_t i;

        json_array_foreach(texts, i, text)
        {
                const char *words = json_string_value(text) != NULL ? json_string_value(text) : "";

                TRY(problem ? import_problem(j, about, "%s", words) : import_note(j, about, "%s", words));
        }
        return ERR_OK;
}

/* What DryRun says of each entry. */
static enum err read_report(struct import_job *j, const json_t *answer)
{
        const json_t *row;
        size_t i;

        json_array_foreach(json_object_get(answer, "Report"), i, row)
        {
                const char *domain = field_text(row, "Domain");
                const char *about = domain[0] != '\0' ? domain : "DefaultCertificate";

                TRY(add_reasons(j, about, json_object_get(row, "Problems"), true));
                TRY(add_reasons(j, about, json_object_get(row, "Warnings"), false));
        }
        return ERR_OK;
}

static enum err fill_question(struct import_job *j, json_int_t default_id, struct question *q)
{
        CLEANUP(buf) struct buf entries = BUF_UP_TO(PARAMS_BODY_MAX);
        char identifier[IDENTIFIER_SIZE];
        size_t left_out = 0;

        (void)snprintf(identifier, sizeof identifier, "%" JSON_INTEGER_FORMAT "-cn-hangzhou", default_id);
        TRY(entries_text(j, &entries, &left_out));
        if (left_out > 0)
                TRY(import_note(j, "SetSniConfig",
                                "tried without %zu domains whose certificates are not uploaded yet",
                                left_out));
        TRY(question_add(q, "MqttInstanceId", j->instance));
        TRY(question_add(q, "DefaultCertificate", identifier));
        TRY(question_add(q, "SniConfig", buf_text(&entries)));
        return j->dry_run ? question_add(q, "DryRun", "true") : ERR_OK;
}

enum err import_set_mapping(struct import_job *j)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_ONSMQTT, "SetSniConfig");
        CLEANUP(jsonp) json_t *answer = NULL;
        json_int_t id = id_to_set(j, j->mapping.default_id, import_resolved(j, default_wanted(j)));
        enum err e;

        if (id == 0) /* only when nothing is uploaded, as with --dry-run */
                return import_note(j, "DefaultCertificate",
                                   "not uploaded yet, so SetSniConfig was not tried");
        e = fill_question(j, id, &q);
        if (e == ERR_LIMIT)
                return failure_set(j->client->failure, EXIT_USAGE,
                                   "the domains do not fit into one SetSniConfig (%d MiB)",
                                   PARAMS_BODY_MAX >> 20);
        TRY(e);
        TRY(client_ask(j->client, &q, &answer));
        return j->dry_run ? read_report(j, answer) : ERR_OK;
}
