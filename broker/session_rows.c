/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/session_rows.h"

#include "broker/share.h"
#include "broker/topic.h"

enum {
        SESSION_HEAD = 1 + 4 + 8 + 4 + 4 + 2,
        FILTER_HEAD = 4 + 1,
        MESSAGE_HEAD = 2 + 1 + 1,
        OPTION_NO_LOCAL = 1 << 2,
        OPTION_AS_PUBLISHED = 1 << 3,
        OPTION_HANDLING_SHIFT = 4,
        OPTION_SHARED = 1 << 6,
        OPTIONS_MAX = (1 << 7) - 1,
        QOS_MASK = 3,
        HANDLING_MAX = 2,
        RETAIN_BIT = 1 << 7,
        SUBSCRIPTION_ID_MAX = 268435455
};

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
        return wr_u32(wr_u32(at, (uint32_t)(v >> 32)), (uint32_t)v);
}

static uint64_t read_u64(struct rd *r)
{
        uint64_t high = rd_u32(r);

        return high << 32 | rd_u32(r);
}

static struct bytes rest(struct rd *r)
{
        return rd_bytes(r, rd_left(r));
}

static struct bytes body(const struct message *m)
{
        return (struct bytes){m->bytes, message_size(m)};
}

/* ---- to the store ---- */

uint64_t session_rows_put_session(struct store_port *p, uint64_t id, const struct row_session *row,
                                  const struct message *will)
{
        uint8_t head[SESSION_HEAD], will_head[MESSAGE_HEAD_BYTES], *at = head;
        struct bytes parts[4] = {{head, sizeof head}, row->client_id};

        at = wr_u32(wr_u8(at, will != NULL), row->expiry_s);
        at = put_u64(at, (uint64_t)row->disconnected_at);
        at = wr_u32(at, will != NULL ? row->will_delay_s : 0);
        at = wr_u32(at, will != NULL ? row->will_expiry_s : 0);
        (void)wr_u16(at, (uint16_t)row->client_id.len);
        if (will != NULL) {
                message_stored_head(will, will_head);
                parts[2] = (struct bytes){will_head, sizeof will_head};
                parts[3] = body(will);
        }
        return store_put(p, (struct store_key){STORE_SESSION, id, 0}, parts, will != NULL ? 4 : 2);
}

uint64_t session_rows_put_filter(struct store_port *p, uint64_t id, uint32_t number,
                                 const struct row_filter *row)
{
        const struct subscription *sub = &row->sub;
        uint8_t head[FILTER_HEAD];
        const struct bytes parts[2] = {{head, sizeof head}, row->text};

        (void)wr_u8(wr_u32(head, sub->id), (uint8_t)(sub->qos | (sub->no_local ? OPTION_NO_LOCAL : 0) |
                                                     (sub->retain_as_published ? OPTION_AS_PUBLISHED : 0) |
                                                     sub->retain_handling << OPTION_HANDLING_SHIFT |
                                                     (row->shared ? OPTION_SHARED : 0)));
        return store_put(p, (struct store_key){STORE_SUBSCRIPTION, id, number}, parts, 2);
}

uint64_t session_rows_put_message(struct store_port *p, uint64_t id, uint64_t order, uint16_t packet_id,
                                  const struct delivery *d)
{
        uint8_t head[MESSAGE_HEAD + 4 * SUBSCRIPTION_IDS_MAX + MESSAGE_HEAD_BYTES];
        uint8_t *at = wr_u16(head, packet_id);
        struct bytes parts[2];

        at = wr_u8(at, (uint8_t)(d->qos | (d->retain ? RETAIN_BIT : 0)));
        at = wr_u8(at, d->id_count);
        for (int i = 0; i < d->id_count; i++)
                at = wr_u32(at, d->ids[i]);
        message_stored_head(d->message, at);
        parts[0] = (struct bytes){head, (size_t)(at + MESSAGE_HEAD_BYTES - head)};
        parts[1] = body(d->message);
        return store_put(p, session_rows_outgoing_key(id, ROW_MESSAGE, order), parts, 2);
}

uint64_t session_rows_put_packet_id(struct store_port *p, struct store_key key, uint16_t packet_id)
{
        uint8_t value[2];

        (void)wr_u16(value, packet_id);
        return store_put(p, key, &(struct bytes){value, sizeof value}, 1);
}

/* ---- and back ---- */

enum err session_rows_read_session(struct bytes value, struct row_session *ret)
{
        struct rd r = rd_of(value.data, value.len);
        uint8_t has_will = rd_u8(&r);
        struct row_session row = {.has_will = has_will == 1};
        uint64_t at;

        row.expiry_s = rd_u32(&r);
        at = read_u64(&r);
        row.will_delay_s = rd_u32(&r);
        row.will_expiry_s = rd_u32(&r);
        row.client_id = rd_bytes16(&r);
        row.will = rest(&r);
        if (r.bad || has_will > 1 || row.expiry_s == 0 || row.client_id.len == 0 || at > INT64_MAX / 1000)
                return ERR_SYNTAX;
        if (!row.has_will && (row.will_delay_s != 0 || row.will_expiry_s != 0 || row.will.len > 0))
                return ERR_SYNTAX;
        row.disconnected_at = (int64_t)at;
        *ret = row;
        return ERR_OK;
}

static bool filter_valid(const struct row_filter *f)
{
        struct bytes name, filter = f->text;
        bool valid = false, shared = share_filter(f->text, &name, &filter, &valid);

        /* One that looks like a shared one and is not would have been refused. */
        return shared == f->shared && (!shared || valid) &&
               topic_filter_valid((const char *)filter.data, filter.len);
}

enum err session_rows_read_filter(struct bytes value, struct row_filter *ret)
{
        struct rd r = rd_of(value.data, value.len);
        struct row_filter row = {.sub = {.id = rd_u32(&r)}};
        uint8_t options = rd_u8(&r);

        row.sub.qos = options & QOS_MASK;
        row.sub.no_local = (options & OPTION_NO_LOCAL) != 0;
        row.sub.retain_as_published = (options & OPTION_AS_PUBLISHED) != 0;
        row.sub.retain_handling = options >> OPTION_HANDLING_SHIFT & QOS_MASK;
        row.shared = (options & OPTION_SHARED) != 0;
        row.text = rest(&r);
        if (r.bad || options > OPTIONS_MAX || row.sub.qos > 2 || row.sub.retain_handling > HANDLING_MAX ||
            row.sub.id > SUBSCRIPTION_ID_MAX || row.text.len == 0 || row.text.len > UINT16_MAX ||
            !filter_valid(&row))
                return ERR_SYNTAX;
        *ret = row;
        return ERR_OK;
}

enum err session_rows_read_message(struct bytes value, struct row_message *ret)
{
        struct rd r = rd_of(value.data, value.len);
        uint8_t qos;

        ret->packet_id = rd_u16(&r);
        qos = rd_u8(&r);
        ret->retain = (qos & RETAIN_BIT) != 0;
        ret->qos = qos & (uint8_t)~RETAIN_BIT;
        ret->id_count = rd_u8(&r);
        if (r.bad || ret->qos < 1 || ret->qos > 2 || ret->id_count > SUBSCRIPTION_IDS_MAX)
                return ERR_SYNTAX;
        for (int i = 0; i < ret->id_count; i++) {
                ret->ids[i] = rd_u32(&r);
                if (ret->ids[i] == 0 || ret->ids[i] > SUBSCRIPTION_ID_MAX)
                        return ERR_SYNTAX;
        }
        ret->message = rest(&r);
        return r.bad ? ERR_SYNTAX : ERR_OK;
}

enum err session_rows_read_packet_id(struct bytes value, uint16_t *ret)
{
        struct rd r = rd_of(value.data, value.len);
        uint16_t id = rd_u16(&r);

        if (r.bad || rd_left(&r) > 0 || id == 0)
                return ERR_SYNTAX;
        *ret = id;
        return ERR_OK;
}
