/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/metrics_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "signet_broker_"

/* ---- which certificates end first ---- */

static size_t place_of(const struct expiries *e, const char *name)
{
        size_t n = 0;

        while (n < e->count && strcmp(e->soonest[n].name, name) != 0)
                n++;
        return n;
}

void expiries_add(struct expiries *e, const char *name, int64_t not_after, int64_t now)
{
        size_t at, there;

        if (not_after == 0)
                return;
        e->expired += not_after <= now;
        if (e->count == EXPIRIES_MAX && not_after >= e->soonest[EXPIRIES_MAX - 1].not_after)
                return;
        there = place_of(e, name);
        if (there < e->count && e->soonest[there].not_after <= not_after)
                return;
        if (there == e->count && e->count < EXPIRIES_MAX)
                e->count++;
        /* What makes room: its own later entry, or the last one. */
        at = there < e->count ? there : e->count - 1;
        for (; at > 0 && e->soonest[at - 1].not_after > not_after; at--)
                e->soonest[at] = e->soonest[at - 1];
        (void)snprintf(e->soonest[at].name, sizeof e->soonest[at].name, "%s", name);
        e->soonest[at].not_after = not_after;
}

/* ---- the format ---- */

struct writer { /* remembers its first failure */
        struct buf *out;
        enum err failed;
        const char *name; /* of the family that is being written */
};

static void put(struct writer *w, const char *text)
{
        if (w->failed == ERR_OK)
                w->failed = buf_add_text(w->out, text);
}

static void family_named(struct writer *w, const char *name, const char *type, const char *help)
{
        w->name = name;
        if (w->failed == ERR_OK)
                w->failed = buf_addf(w->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}
#define family(w, name, type, help) family_named(w, PREFIX name, type, help)

/* A label's value: backslash, quote and line feed are escaped. */
static void put_escaped(struct writer *w, const char *text)
{
        for (; *text != '\0'; text++) {
                char one[2] = {*text, '\0'};

                put(w, *text == '\\' ? "\\\\" : *text == '"' ? "\\\"" : *text == '\n' ? "\\n" : one);
        }
}

static void put_label(struct writer *w, const char *before, const char *label, const char *value)
{
        put(w, before);
        put(w, label);
        put(w, "=\"");
        put_escaped(w, value);
        put(w, "\"");
}

static void put_number(struct writer *w, int64_t number)
{
        if (w->failed == ERR_OK)
                w->failed = buf_addf(w->out, " %" PRId64 "\n", number);
}

static void sample(struct writer *w, int64_t number)
{
        put(w, w->name);
        put_number(w, number);
}

static void sample_of(struct writer *w, const char *label, const char *value, int64_t number)
{
        put(w, w->name);
        put_label(w, "{", label, value);
        put(w, "}");
        put_number(w, number);
}

static void sample_of_two(struct writer *w, const char *label, const char *value, const char *second,
                          const char *second_value, int64_t number)
{
        put(w, w->name);
        put_label(w, "{", label, value);
        put_label(w, ",", second, second_value);
        put(w, "}");
        put_number(w, number);
}

/* Thousandths or millionths, in seconds. */
static void sample_seconds(struct writer *w, int64_t count, int64_t per_second, int digits)
{
        put(w, w->name);
        if (w->failed == ERR_OK)
                w->failed = buf_addf(w->out, " %" PRId64 ".%0*" PRId64 "\n", count / per_second, digits,
                                     count % per_second);
}

/* ---- what there is ---- */

static void write_build(struct writer *w, const struct metrics_reading *r)
{
        family(w, "build_info", "gauge", "Version of the program; always 1.");
        sample_of(w, "version", r->version, 1);
        family(w, "instance_info", "gauge", "Which instance this broker serves, under which name; always 1.");
        sample_of_two(w, "mqtt_instance", r->instance, "node", r->node_id, 1);
}

static const struct plain {
        const char *name, *type, *help;
        int counter;
} plain[] = {
        {PREFIX "connections", "gauge", "Connections now, those in their handshake too.",
         COUNTER_connections},
        {PREFIX "accepted_total", "counter", "Connections accepted by the kernel.", COUNTER_accepted},
        {PREFIX "device_connections", "gauge", "Connected clients that came with a device certificate.",
         COUNTER_devices},
        {PREFIX "sessions", "gauge", "MQTT sessions, with a connection or kept without one.",
         COUNTER_sessions},
        {PREFIX "subscriptions", "gauge", "Topic filters subscribed to.", COUNTER_subscriptions},
        {PREFIX "sessions_connected", "gauge", "Of these, those with a connection.",
         COUNTER_sessions_connected},
        {PREFIX "sessions_expired_total", "counter", "Sessions that ended because nobody came back in time.",
         COUNTER_sessions_expired},
        {PREFIX "shared_subscriptions", "gauge", "Of the subscriptions, those that are members of a group.",
         COUNTER_shared_subscriptions},
        {PREFIX "messages_queued", "gauge", "Messages that wait in sessions.", COUNTER_messages_queued},
        {PREFIX "messages_queued_bytes", "gauge", "Bytes of their topics, properties and payloads.",
         COUNTER_queued_bytes},
        {PREFIX "packets_received_total", "counter", "MQTT packets from clients, PUBLISHes too.",
         COUNTER_packets_in},
        {PREFIX "received_bytes_total", "counter", "Bytes from clients, without TLS.", COUNTER_bytes_in},
        {PREFIX "sent_bytes_total", "counter", "Bytes to clients, without TLS.", COUNTER_bytes_out},
        {PREFIX "connects_total", "counter", "CONNECTs accepted.", COUNTER_connects},
        {PREFIX "connects_refused_total", "counter", "CONNECTs refused with a CONNACK.",
         COUNTER_connects_refused},
        {PREFIX "messages_received_total", "counter", "PUBLISHes from clients.", COUNTER_messages_in},
        {PREFIX "messages_sent_total", "counter", "PUBLISHes to clients.", COUNTER_messages_out},
};

static void write_counters(struct writer *w, const struct metrics_reading *r)
{
        for (size_t n = 0; n < sizeof plain / sizeof plain[0]; n++) {
                family_named(w, plain[n].name, plain[n].type, plain[n].help);
                sample(w, (int64_t)r->counters[plain[n].counter]);
        }
        family(w, "messages_dropped_total", "counter",
               "Messages not delivered: out of memory on their way, or over the limits of a session.");
        sample_of(w, "reason", "memory", (int64_t)r->counters[COUNTER_messages_dropped]);
        sample_of(w, "reason", "session_limit", (int64_t)r->counters[COUNTER_messages_over_limit]);
        family(w, "handshakes_total", "counter", "TLS handshakes by their end.");
        sample_of(w, "result", "full", (int64_t)r->handshakes_full);
        sample_of(w, "result", "resumed", (int64_t)r->counters[COUNTER_handshakes_resumed]);
        sample_of(w, "result", "failed", (int64_t)r->counters[COUNTER_handshakes_failed]);
}

static void write_refusals(struct writer *w, const struct metrics_reading *r)
{
        static const char *const stages[] = {
                [STAGE_ACCEPT] = "accept", [STAGE_HANDSHAKE] = "handshake", [STAGE_CONNECT] = "connect"};

        family(w, "refusals_total", "counter", "Clients kept out or cut off, by the stage and the reason.");
        for (int n = REFUSAL_NONE + 1; n < REFUSALS; n++)
                sample_of_two(w, "stage", stages[refusal_table[n].stage], "reason", refusal_table[n].label,
                              (int64_t)r->refused[n]);
}

static void write_registry(struct writer *w, const struct metrics_reading *r)
{
        const struct registry_counts *c = &r->registry;
        const struct {
                const char *result;
                uint64_t count;
        } results[] = {{"registered", c->registered}, {"known", c->known_before}, {"clone", c->clones},
                       {"inactive", c->inactive},     {"away", c->away},          {"full", c->full}};

        family(w, "registrations_total", "counter",
               "Devices that asked for their registration, by the answer.");
        for (size_t n = 0; n < sizeof results / sizeof results[0]; n++)
                sample_of(w, "result", results[n].result, (int64_t)results[n].count);
        family(w, "registration_batches_total", "counter", "Statements that registered devices.");
        sample(w, (int64_t)c->batches);
        family(w, "registrations_waiting", "gauge", "Devices waiting for their registration.");
        sample(w, (int64_t)c->waiting);
        family(w, "registry_database_up", "gauge", "Whether the registry's database connection works.");
        sample(w, c->database_ok);
        family(w, "registry_complete", "gauge",
               "Whether all registered devices are known to this process; else it asks the database.");
        sample(w, c->complete);
        family(w, "devices_known", "gauge", "Registered devices known to this process.");
        sample(w, (int64_t)r->known_devices);
}

static void write_retained(struct writer *w, const struct metrics_reading *r)
{
        family(w, "retained_messages", "gauge", "Retained messages.");
        sample(w, (int64_t)r->retained);
        family(w, "retained_bytes", "gauge", "Bytes of their topics, properties and payloads.");
        sample(w, (int64_t)r->retained_bytes);
}

/* Also without a store, with 0: what is added up over brokers has no gaps. */
static void write_store(struct writer *w, const struct metrics_reading *r)
{
        const struct store_counts *c = &r->store;

        family(w, "store_up", "gauge",
               "1: the last commit of the store succeeded; 0: it failed, or there is none.");
        sample(w, r->keeps && !r->store_failing);
        family(w, "store_commits_total", "counter", "Commits; one takes what all workers have handed over.");
        sample(w, (int64_t)c->commits);
        family(w, "store_rows_total", "counter", "Rows put and deleted.");
        sample(w, (int64_t)c->rows);
        family(w, "store_written_bytes_total", "counter", "Bytes of them.");
        sample(w, (int64_t)c->bytes);
        family(w, "store_commit_seconds_total", "counter", "Time that the commits took.");
        sample_seconds(w, (int64_t)c->commit_us_total, 1000000, 6);
        family(w, "store_failures_total", "counter", "Writes that failed; they are tried again.");
        sample(w, (int64_t)c->failures);
        family(w, "store_file_bytes", "gauge", "Size of its files.");
        sample(w, (int64_t)c->file_bytes);
}

/* Without a snapshot there are no ages. */
static void write_ages(struct writer *w, const struct metrics_reading *r)
{
        const struct served *s = &r->served;
        bool loaded = s->reloads > 0;

        family(w, "snapshot_revision", "gauge", "Revision of the configuration that is served.");
        sample(w, s->revision);
        family(w, "snapshot_loaded_timestamp_seconds", "gauge", "When it was loaded; 0: never.");
        sample(w, s->loaded_at);
        family(w, "snapshot_age_seconds", "gauge", "Since it was loaded.");
        if (loaded)
                sample_seconds(w, r->now_ms - s->loaded_ms, 1000, 3);
        family(w, "snapshot_checked_age_seconds", "gauge",
               "Since the database was last seen to have nothing newer.");
        if (loaded)
                sample_seconds(w, r->now_ms - s->checked_ms, 1000, 3);
        family(w, "reloads_total", "counter", "Loads that changed something.");
        sample(w, s->reloads);
        family(w, "reload_last_seconds", "gauge", "How long the last of them took.");
        sample_seconds(w, s->last_reload_ms, 1000, 3);
        family(w, "database_up", "gauge", "Whether the last look at the database succeeded.");
        sample(w, r->database_ok);
}

static void write_configuration(struct writer *w, const struct metrics_reading *r)
{
        const struct served *s = &r->served;

        family(w, "authentication_mode", "gauge", "1 for the mode of the instance.");
        sample_of(w, "mode", "one-way", s->mode == AUTH_ONE_WAY);
        sample_of(w, "mode", "mutual", s->mode == AUTH_MUTUAL);
        family(w, "login_required", "gauge", "Whether the mode mutual wants a user name and password too.");
        sample(w, s->login_required);
        family(w, "domains", "gauge", "Domains with a certificate of their own.");
        sample(w, s->domains);
        family(w, "server_certificates", "gauge", "Different server certificates in use.");
        sample(w, s->certificates);
        family(w, "ca_certificates", "gauge", "Registered CA certificates by state.");
        sample_of(w, "state", "active", (int64_t)r->active_cas);
        sample_of(w, "state", "inactive", (int64_t)r->inactive_cas);
        family(w, "inactive_devices", "gauge", "Device certificates that are made inactive.");
        sample(w, s->inactive_devices);
        family(w, "ocsp_staples", "gauge", "Server certificates with an OCSP response to staple.");
        sample(w, (int64_t)r->staples);
        family(w, "ticket_key_made_timestamp_seconds", "gauge",
               "When the key of new session tickets was made; 0: there is none.");
        sample(w, r->ticket_key_made_at);
}

static void write_each(struct writer *w, const struct expiries *e, const char *label)
{
        for (size_t n = 0; n < e->count; n++)
                sample_of(w, label, e->soonest[n].name, e->soonest[n].not_after);
}

static void write_first(struct writer *w, const struct expiries *e)
{
        if (e->count > 0)
                sample(w, e->soonest[0].not_after);
}

static void write_expiries(struct writer *w, const struct metrics_reading *r)
{
        family(w, "server_certificate_expiry_timestamp_seconds", "gauge",
               "When a server certificate in use ends; the 100 that end first.");
        write_each(w, &r->servers, "certificate");
        family(w, "server_certificate_first_expiry_timestamp_seconds", "gauge", "The first of all.");
        write_first(w, &r->servers);
        family(w, "server_certificates_expired", "gauge", "Server certificates in use that have ended.");
        sample(w, (int64_t)r->servers.expired);
        family(w, "ca_certificate_expiry_timestamp_seconds", "gauge",
               "When an active CA certificate ends; the 100 that end first.");
        write_each(w, &r->cas, "ca_sn");
        family(w, "ca_certificate_first_expiry_timestamp_seconds", "gauge", "The first of all.");
        write_first(w, &r->cas);
        family(w, "ca_certificates_expired", "gauge", "Active CA certificates that have ended.");
        sample(w, (int64_t)r->cas.expired);
}

/* The names that Prometheus' own client libraries use. */
static void write_process(struct writer *w, const struct process_reading *p)
{
        const struct plain_process {
                const char *name, *help;
                int64_t number;
        } rows[] = {
                {"process_open_fds", "Open file descriptors.", p->open_fds},
                {"process_max_fds", "Limit of open file descriptors.", p->max_fds},
                {"process_resident_memory_bytes", "Resident memory.", p->resident_bytes},
                {"process_start_time_seconds", "When the process started.", p->started_at},
        };

        for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++) {
                if (rows[n].number < 0)
                        continue;
                family_named(w, rows[n].name, "gauge", rows[n].help);
                sample(w, rows[n].number);
        }
        if (p->cpu_us < 0)
                return;
        family_named(w, "process_cpu_seconds_total", "counter", "CPU time of all threads.");
        sample_seconds(w, p->cpu_us, 1000000, 6);
}

enum err metrics_write(const struct metrics_reading *r, struct buf *ret)
{
        struct writer w = {ret, ERR_OK, NULL};

        write_build(&w, r);
        write_counters(&w, r);
        write_refusals(&w, r);
        write_registry(&w, r);
        write_retained(&w, r);
        write_store(&w, r);
        write_ages(&w, r);
        write_configuration(&w, r);
        write_expiries(&w, r);
        write_process(&w, &r->process);
        return w.failed;
}
