/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/message.h"

#include <stdlib.h>
#include <string.h>

struct message *message_new(const void *topic, uint16_t topic_len, const void *payload, uint32_t payload_len,
                            uint8_t qos, bool retain)
{
        struct message *m = malloc(sizeof *m + topic_len + payload_len);

        if (m == NULL)
                return NULL;
        atomic_init(&m->refs, 1);
        m->qos = qos;
        m->retain = retain;
        m->topic_len = topic_len;
        m->payload_len = payload_len;
        m->properties_len = 0;
        if (topic_len > 0)
                memcpy(m->bytes, topic, topic_len);
        if (payload_len > 0)
                memcpy(m->bytes + topic_len, payload, payload_len);
        return m;
}

struct message *message_ref(struct message *m)
{
        /* Whoever makes a reference holds one, so nothing needs to be ordered here. */
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
        return m;
}

struct message *message_unref(struct message *m)
{
        if (m != NULL && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
                free(m);
        return NULL;
}
