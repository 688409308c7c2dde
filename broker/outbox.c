/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/outbox.h"

#include "broker/mqtt_write.h"

#include <stdlib.h>
#include <string.h>

struct outbox_item {
        struct message *message; /* NULL: raw bytes */
        uint8_t *heap;           /* raw bytes over OUTBOX_SMALL_MAX */
        uint32_t size;
        uint16_t packet_id;
        uint8_t level, qos;
        bool dup, retain;
        uint8_t small[OUTBOX_SMALL_MAX];
};

static struct outbox_item *item_at(const struct outbox *o, uint32_t n)
{
        return &o->items[(o->first + n) & (o->capacity - 1)];
}

static enum err grow(struct outbox *o)
{
        uint32_t capacity = o->capacity == 0 ? 4 : o->capacity * 2;
        struct outbox_item *items;

        if (capacity > OUTBOX_ITEMS_MAX)
                return ERR_LIMIT;
        items = malloc(capacity * sizeof *items);
        if (items == NULL)
                return ERR_NOMEM;
        for (uint32_t n = 0; n < o->count; n++)
                items[n] = *item_at(o, n);
        free(o->items);
        o->items = items;
        o->capacity = capacity;
        o->first = 0;
        return ERR_OK;
}

static enum err add(struct outbox *o, const struct outbox_item *item)
{
        if (o->count == o->capacity)
                TRY(grow(o));
        *item_at(o, o->count++) = *item;
        o->bytes += item->size;
        return ERR_OK;
}

enum err outbox_publish(struct outbox *o, struct message *m, uint8_t level, uint8_t qos, bool dup,
                        bool retain, uint16_t packet_id)
{
        struct outbox_item item = {.message = m,
                                   .size = (uint32_t)mqtt_publish_size(m, level, qos),
                                   .packet_id = packet_id,
                                   .level = level,
                                   .qos = qos,
                                   .dup = dup,
                                   .retain = retain};

        TRY(add(o, &item));
        (void)message_ref(m);
        return ERR_OK;
}

enum err outbox_raw(struct outbox *o, const uint8_t *bytes, size_t len)
{
        struct outbox_item item = {.size = (uint32_t)len};
        enum err e;

        if (len <= OUTBOX_SMALL_MAX) {
                memcpy(item.small, bytes, len);
                return add(o, &item);
        }
        item.heap = malloc(len);
        if (item.heap == NULL)
                return ERR_NOMEM;
        memcpy(item.heap, bytes, len);
        e = add(o, &item);
        if (e != ERR_OK)
                free(item.heap);
        return e;
}

/* Copies what lies in [from, from + room) of one segment that begins at `at` of the packet. */
static size_t copy_segment(uint8_t *out, size_t room, size_t from, size_t at, const void *segment, size_t len)
{
        size_t skip = from > at ? from - at : 0;
        size_t take;

        if (skip >= len)
                return 0;
        take = len - skip < room ? len - skip : room;
        memcpy(out, (const uint8_t *)segment + skip, take);
        return take;
}

static size_t copy_publish(const struct outbox_item *item, size_t from, uint8_t *out, size_t room)
{
        const struct message *m = item->message;
        uint8_t head[MQTT_PUBLISH_HEAD_MAX];
        uint8_t id[2] = {(uint8_t)(item->packet_id >> 8), (uint8_t)item->packet_id};
        size_t head_len = mqtt_write_publish_head(head, m, item->level, item->qos, item->dup, item->retain);
        size_t id_len = item->qos > 0 ? 2 : 0;
        struct {
                const void *bytes;
                size_t len;
        } segments[] = {{head, head_len},
                        {m->bytes, m->topic_len},
                        {id, id_len},
                        {message_payload(m), m->payload_len}};
        size_t at = 0, done = 0;

        for (size_t n = 0; n < sizeof segments / sizeof segments[0]; n++) {
                done += copy_segment(out + done, room - done, from + done, at, segments[n].bytes,
                                     segments[n].len);
                at += segments[n].len;
        }
        return done;
}

static size_t copy_item(const struct outbox_item *item, size_t from, uint8_t *out, size_t room)
{
        if (item->message != NULL)
                return copy_publish(item, from, out, room);
        return copy_segment(out, room, from, 0, item->heap != NULL ? item->heap : item->small, item->size);
}

size_t outbox_fill(const struct outbox *o, uint8_t *out, size_t room)
{
        size_t done = 0, from = o->offset;

        for (uint32_t n = 0; n < o->count && done < room; n++) {
                done += copy_item(item_at(o, n), from, out + done, room - done);
                from = 0;
        }
        return done;
}

static void item_done(struct outbox_item *item)
{
        (void)message_unref(item->message);
        free(item->heap);
}

void outbox_drop(struct outbox *o, size_t len)
{
        o->bytes -= len;
        len += o->offset;
        while (o->count > 0 && len >= item_at(o, 0)->size) {
                len -= item_at(o, 0)->size;
                item_done(item_at(o, 0));
                o->first = (o->first + 1) & (o->capacity - 1);
                o->count--;
        }
        o->offset = (uint32_t)len;
        if (o->count == 0)
                outbox_done(o);
}

void outbox_done(struct outbox *o)
{
        for (uint32_t n = 0; n < o->count; n++)
                item_done(item_at(o, n));
        free(o->items);
        *o = (struct outbox){0};
}
