/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/message.h"

#include <stdlib.h>
#include <string.h>

enum { STORED_RETAIN = 1 << 2, STORED_QOS = 3 };

static uint8_t *put(uint8_t *at, struct bytes b)
{
        return wr_bytes(at, b.data, b.len);
}

struct message *message_new(const struct message_content *c)
{
        struct message *m = malloc(sizeof *m + c->topic.len + c->properties.len + c->payload.len);

        if (m == NULL)
                return NULL;
        atomic_init(&m->refs, 1);
        m->qos = c->qos;
        m->retain = c->retain;
        m->topic_len = (uint16_t)c->topic.len;
        m->payload_len = (uint32_t)c->payload.len;
        m->properties_len = (uint32_t)c->properties.len;
        m->expires_ms = c->expires_ms;
        m->publisher = c->publisher;
        (void)put(put(put(m->bytes, c->topic), c->properties), c->payload);
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

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
        return wr_u32(wr_u32(at, (uint32_t)(v >> 32)), (uint32_t)v);
}

static uint64_t read_u64(struct rd *r)
{
        uint64_t high = rd_u32(r);

        return high << 32 | rd_u32(r);
}

/* Lengths are kept but that of the payload, which is the rest. */
void message_stored_head(const struct message *m, uint8_t out[MESSAGE_HEAD_BYTES])
{
        uint8_t *at = wr_u8(out, (uint8_t)(m->qos | (m->retain ? STORED_RETAIN : 0)));

        at = wr_u8(at, 0);
        at = wr_u16(at, m->topic_len);
        at = wr_u32(at, m->properties_len);
        at = wr_u32(at, m->payload_len);
        at = put_u64(at, (uint64_t)m->expires_ms);
        (void)put_u64(at, m->publisher);
}

struct message *message_restore(struct bytes stored, bool *ret_bad)
{
        struct rd r = rd_of(stored.data, stored.len);
        uint8_t first = rd_u8(&r), reserved = rd_u8(&r);
        size_t topic_len = rd_u16(&r), properties_len = rd_u32(&r), payload_len = rd_u32(&r);
        struct message_content c = {.qos = first & STORED_QOS, .retain = (first & STORED_RETAIN) != 0};

        c.expires_ms = (int64_t)read_u64(&r);
        c.publisher = read_u64(&r);
        c.topic = rd_bytes(&r, topic_len);
        c.properties = rd_bytes(&r, properties_len);
        c.payload = rd_bytes(&r, payload_len);
        *ret_bad = r.bad || rd_left(&r) > 0 || reserved != 0 || c.qos > 2 || first > 7 || topic_len == 0;
        return *ret_bad ? NULL : message_new(&c);
}
