/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/instance.h"

#include "ctl/field.h"

#include <string.h>

enum { PAGE_ROWS = 100, PAGES_MAX = 10000 };

enum err instance_describe(struct client *c, const char *instance, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "DescribeInstance");

        TRY(question_add(&q, "MqttInstanceId", instance));
        return client_ask(c, &q, ret);
}

static enum err read_page(struct client *c, const char *instance, int number, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_ONSMQTT, "ListCaCertificate");

        TRY(question_add(&q, "MqttInstanceId", instance));
        TRY(question_add_number(&q, "PageNo", number));
        TRY(question_add_number(&q, "PageSize", PAGE_ROWS));
        return client_ask(c, &q, ret);
}

static enum err add_rows(const json_t *rows, json_t *cas)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row)
        {
                TRY(field_set(cas, field_text(row, "Sn"),
                              json_pack("{s:s, s:s, s:s}", "CaName", field_text(row, "CaName"), "Status",
                                        field_text(row, "Status"), "CaContent",
                                        field_text(row, "CaContent"))));
        }
        return ERR_OK;
}

enum err instance_cas(struct client *c, const char *instance, const char *edition, json_t **ret)
{
        CLEANUP(jsonp) json_t *cas = json_object();
        bool none = strcmp(edition, "standard") == 0;

        for (int number = 1; !none && number <= PAGES_MAX; number++) {
                CLEANUP(jsonp) json_t *page = NULL;
                const json_t *rows;

                TRY(read_page(c, instance, number, &page));
                rows = json_object_get(json_object_get(page, "Data"), "CaCertificateVOS");
                TRY(add_rows(rows, cas));
                none = json_array_size(rows) < PAGE_ROWS;
        }
        *ret = TAKE(cas);
        return ERR_OK;
}
