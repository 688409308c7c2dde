/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/limits.h"

#include <stdio.h>
#include <string.h>

/* The place of a word in a list. */
static enum err word_read(const char *setting, const char *text, const char *const *words, size_t count,
                          size_t *ret, char why[256])
{
        for (*ret = 0; *ret < count; ++*ret)
                if (strcmp(text, words[*ret]) == 0)
                        return ERR_OK;
        snprintf(why, 256, "%s: \"%.100s\" is not one of its words (--help)", setting, text);
        return ERR_SYNTAX;
}

/* What the cloud product allows (docs/strict.md); what is stricter already stays. */
static void make_strict(struct broker_limits *l)
{
        enum {
                PACKET = 128 * 1024,
                PAYLOAD = 64 * 1024,
                KEEP_ALIVE_S = 480,
                SUBSCRIPTIONS = 30,
                DAYS_3_S = 259200
        };

        l->strict = true;
        if (l->packet_max > PACKET)
                l->packet_max = PACKET;
        if (l->payload_max == 0 || l->payload_max > PAYLOAD)
                l->payload_max = PAYLOAD;
        if (l->keep_alive_max_s == 0 || l->keep_alive_max_s > KEEP_ALIVE_S)
                l->keep_alive_max_s = KEEP_ALIVE_S;
        if (l->sessions.subscriptions_max > SUBSCRIPTIONS)
                l->sessions.subscriptions_max = SUBSCRIPTIONS;
        if (l->sessions.expiry_max_s > DAYS_3_S)
                l->sessions.expiry_max_s = DAYS_3_S;
}

static enum err words_read(const struct broker_settings *s, struct broker_limits *ret, char why[256])
{
        static const char *const presets[] = {"open", "strict"}, *const full[] = {"drop-new", "drop-oldest"};
        size_t preset, policy;

        TRY(word_read("SIGNET_PRESET", s->preset, presets, 2, &preset, why));
        TRY(word_read("SIGNET_QUEUE_FULL", s->queue_full, full, 2, &policy, why));
        ret->sessions.full = policy == 1 ? SESSION_DROP_OLDEST : SESSION_DROP_NEW;
        if (preset == 1)
                make_strict(ret);
        return ERR_OK;
}

static enum err plain_in_mutual_read(const char *text, enum plain_in_mutual *ret, char why[256])
{
        static const char *const names[] = {
                [PLAIN_LOOPBACK] = "loopback", [PLAIN_ALL] = "all", [PLAIN_NONE] = "none"};

        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
                if (strcmp(text, names[n]) == 0) {
                        *ret = (enum plain_in_mutual)n;
                        return ERR_OK;
                }
        snprintf(why, 256, "SIGNET_MQTT_IN_MUTUAL: \"%.100s\" is none of loopback, all, none", text);
        return ERR_SYNTAX;
}

enum err broker_limits_make(const struct broker_settings *s, struct broker_limits *ret, char why[256])
{
        uint32_t workers = (uint32_t)s->workers;

        *ret = (struct broker_limits){
                .packet_max = (uint32_t)s->packet_max,
                .unfinished_max = ((uint32_t)s->unfinished_max + workers - 1) / workers,
                .handshakes_per_turn = (uint32_t)s->handshakes_per_turn,
                .accepts_per_turn = (uint32_t)s->accepts_per_turn,
                .outbox_bytes_max = (uint32_t)s->outbox_bytes_max,
                .mailbox_bytes_max = (uint32_t)s->mailbox_bytes_max,
                .handshake_ms = (uint32_t)s->handshake_s * 1000,
                .connect_ms = (uint32_t)s->connect_s * 1000,
                .ticket_s = (uint32_t)s->ticket_s,
                .keep_alive_max_s = (uint16_t)s->keep_alive_max_s,
                .receive_max = (uint16_t)s->receive_max,
                .topic_alias_max = (uint16_t)s->topic_alias_max,
                .payload_max = (uint32_t)s->payload_max,
                .sessions = {.inflight_max = (uint16_t)s->inflight_max,
                             .queue_max = (uint32_t)s->queue_max,
                             .queue_bytes_max = (uint64_t)s->queue_bytes_max,
                             .total_bytes_max = (uint64_t)s->queues_bytes_max / workers,
                             .expiry_max_s = (uint32_t)s->session_expiry_s,
                             .subscriptions_max = (uint32_t)s->subscriptions_max,
                             .sessions_max = ((uint32_t)s->sessions_max + workers - 1) / workers},
        };
        TRY(words_read(s, ret, why));
        return plain_in_mutual_read(s->mqtt_in_mutual, &ret->plain_in_mutual, why);
}
