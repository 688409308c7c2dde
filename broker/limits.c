/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/limits.h"

#include <stdio.h>
#include <string.h>

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
                .sessions = {.inflight_max = (uint16_t)s->inflight_max,
                             .queue_max = (uint32_t)s->queue_max,
                             .queue_bytes_max = (uint64_t)s->queue_bytes_max,
                             .subscriptions_max = (uint32_t)s->subscriptions_max,
                             .sessions_max = ((uint32_t)s->sessions_max + workers - 1) / workers},
        };
        return plain_in_mutual_read(s->mqtt_in_mutual, &ret->plain_in_mutual, why);
}
