/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/mapping.h"

#include "ctl/field.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_ROWS = 10000, PAGES_MAX = 1000, ATTEMPTS = 5 };

void mapping_done(struct mapping *m)
{
        json_decref(m->rows);
        m->rows = NULL;
}

json_int_t mapping_certificate_id(const char *identifier)
{
        size_t digits = strspn(identifier, "0123456789");

        return digits > 0 && digits <= 18 ? strtoll(identifier, NULL, 10) : 0;
}

static enum err read_page(struct client *c, const char *instance, int number, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "GetSniConfig");

        TRY(question_add(&q, "MqttInstanceId", instance));
        TRY(question_add_number(&q, "CurrentPage", number));
        TRY(question_add_number(&q, "PageSize", PAGE_ROWS));
        return client_ask(c, &q, ret);
}

/* ERR_CONFLICT when the revision changed between two pages. */
static enum err read_pages(struct client *c, const char *instance, struct mapping *ret)
{
        CLEANUP(mapping) struct mapping m = {.revision = -1, .rows = json_array()};

        for (int number = 1; number <= PAGES_MAX; number++) {
                CLEANUP(jsonp) json_t *page = NULL;
                json_t *rows;

                TRY(read_page(c, instance, number, &page));
                if (m.revision >= 0 && field_number(page, "Revision") != m.revision)
                        return ERR_CONFLICT;
                m.revision = field_number(page, "Revision");
                m.default_id = mapping_certificate_id(field_text(page, "DefaultCertificate"));
                rows = json_object_get(page, "SniConfig");
                if (json_array_extend(m.rows, rows) != 0 && rows != NULL)
                        return ERR_NOMEM;
                if (json_array_size(rows) < PAGE_ROWS)
                        break;
        }
        *ret = m;
        m.rows = NULL;
        return ERR_OK;
}

enum err mapping_read(struct client *c, const char *instance, struct mapping *ret)
{
        enum err e = ERR_CONFLICT;

        for (int i = 0; i < ATTEMPTS && e == ERR_CONFLICT; i++)
                e = read_pages(c, instance, ret);
        if (e == ERR_CONFLICT)
                return failure_set(c->failure, EXIT_API_ERROR,
                                   "GetSniConfig: the configuration of %s changes all the time", instance);
        return e;
}

static const char *const rule_names[] = {[MAPPING_EXACT] = "exact",
                                         [MAPPING_WILDCARD] = "wildcard",
                                         [MAPPING_DEFAULT] = "default",
                                         [MAPPING_NONE] = "none"};

const char *mapping_rule_name(enum mapping_rule r)
{
        return rule_names[r];
}

/* `*.` and what follows the first label. */
static bool is_wildcard_above(const char *domain, const char *server_name)
{
        const char *dot = strchr(server_name, '.');

        return dot != NULL && domain[0] == '*' && strcmp(domain + 1, dot) == 0;
}

enum mapping_rule mapping_find(const struct mapping *m, const char *server_name, json_int_t *ret_id)
{
        json_int_t wildcard = 0;
        const json_t *row;
        size_t i;

        json_array_foreach(m->rows, i, row)
        {
                const char *domain = field_text(row, "Domain");

                *ret_id = field_number(row, "CertId");
                if (strcmp(domain, server_name) == 0)
                        return MAPPING_EXACT;
                if (is_wildcard_above(domain, server_name))
                        wildcard = *ret_id;
        }
        *ret_id = wildcard != 0 ? wildcard : m->default_id;
        if (wildcard != 0)
                return MAPPING_WILDCARD;
        return m->default_id != 0 ? MAPPING_DEFAULT : MAPPING_NONE;
}
