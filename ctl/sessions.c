/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sessions.h"

#include "ctl/client.h"
#include "ctl/field.h"
#include "ctl/print.h"

enum { PAGE_ROWS = 1000, PAGES_MAX = 1000 };

static enum err add_filters(const struct options *o, struct question *q)
{
        static const struct {
                enum option option;
                const char *parameter;
        } filters[] = {
                {OPTION_CLIENT_ID, "ClientId"}, {OPTION_CA_SN, "CaSn"}, {OPTION_DEVICE_SN, "DeviceSn"}};

        for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
                if (o->values[filters[i].option] != NULL)
                        TRY(question_add(q, filters[i].parameter, o->values[filters[i].option]));
        return ERR_OK;
}

static enum err ask_page(struct client *c, const struct options *o, int number, json_t **ret)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_SIGNET, "ListSessions");

        TRY(question_add(&q, "MqttInstanceId", c->settings->instance));
        TRY(add_filters(o, &q));
        TRY(question_add_number(&q, "PageNo", number));
        TRY(question_add_number(&q, "PageSize", PAGE_ROWS));
        return client_ask(c, &q, ret);
}

/* The last page's answer with the sessions of all in it, and without what is about a page. Clients come and
 * go meanwhile, so a page may be short; the total says when to stop. */
static enum err ask_all(struct client *c, const struct options *o, json_t **ret)
{
        CLEANUP(jsonp) json_t *all = json_array();
        CLEANUP(jsonp) json_t *page = NULL;

        for (int number = 1; number <= PAGES_MAX; number++) {
                json_t *rows;

                json_decref(page);
                page = NULL;
                TRY(ask_page(c, o, number, &page));
                rows = json_object_get(page, "Sessions");
                if (json_array_extend(all, rows) != 0)
                        return ERR_NOMEM;
                if (json_array_size(rows) == 0 ||
                    (json_int_t)number * PAGE_ROWS >= field_number(page, "Total"))
                        break;
        }
        TRY(field_set(page, "Sessions", json_incref(all)));
        (void)json_object_del(page, "PageNo");
        (void)json_object_del(page, "PageSize");
        *ret = TAKE(page);
        return ERR_OK;
}

static void note_silent(const json_t *answer)
{
        const json_t *broker;
        size_t i;

        json_array_foreach(json_object_get(answer, "Brokers"), i, broker)
        {
                if (!json_is_true(json_object_get(broker, "Answered")))
                        exit_note("sessions of broker %.64s are not in the list: it runs elsewhere",
                                  field_text(broker, "NodeId"));
        }
}

enum exit_status sessions_run(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(client) struct client c = {0};
        CLEANUP(jsonp) json_t *answer = NULL;
        struct failure f = {0};
        enum err e = client_open(settings, &f, &c);

        if (e == ERR_OK)
                e = ask_all(&c, o, &answer);
        if (e != ERR_OK)
                return failure_exit(&f, e);
        note_silent(answer);
        return print_answer(answer, o->output);
}
