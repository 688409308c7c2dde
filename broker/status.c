/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/status.h"

#include "common/clock.h"

static json_t *listeners_json(const struct status_source *b)
{
        json_t *list = json_array();

        for (int n = 0; n < b->listener_count; n++) {
                const struct listener *l = &b->listeners[n];

                json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:b, s:b}", "name", l->kind->name,
                                                      "address", l->host, "port", l->port, "tls",
                                                      l->kind->tls, "proxy", l->kind->balancers != NULL));
        }
        return list;
}

/* Those that have happened. */
static json_t *refused_json(const struct status_source *b)
{
        json_t *list = json_object();
        uint64_t sums[REFUSALS];

        workers_refused(b->workers, sums);
        for (int n = 0; n < REFUSALS; n++)
                if (sums[n] > 0)
                        json_object_set_new(list, refusal_table[n].label, json_integer((json_int_t)sums[n]));
        return list;
}

json_t *status_json(const struct status_source *b)
{
        uint64_t sums[COUNTERS];
        json_t *status = reload_status(b->reload), *counters = json_object();

        if (status == NULL)
                return NULL;
        workers_counters(b->workers, sums);
        for (int n = 0; n < COUNTERS; n++)
                json_object_set_new(counters, worker_counter_name(n), json_integer((json_int_t)sums[n]));
        json_object_set_new(status, "counters", counters);
        json_object_set_new(status, "refused", refused_json(b));
        json_object_set_new(status, "devicesKnown", json_integer((json_int_t)device_table_count(b->known)));
        json_object_set_new(status, "instance", json_string(b->instance));
        json_object_set_new(status, "node", json_string(b->node_id));
        json_object_set_new(status, "version", json_string(SIGNET_VERSION));
        json_object_set_new(status, "workers", json_integer(b->worker_count));
        json_object_set_new(status, "listeners", listeners_json(b));
        json_object_set_new(status, "uptimeMs", json_integer(clock_ms() - b->started_ms));
        return status;
}
