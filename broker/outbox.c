/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/outbox.h"

#include "broker/mqtt_read.h"

#include <stdlib.h>
#include <string.h>

struct outbox_item {             /* 32 bytes: a fast publisher's receiver has hundreds of them in a turn */
        struct message *message; /* NULL: raw bytes */
        union {                  /* raw bytes, or the receiver's properties */
                uint8_t small[OUTBOX_SMALL_MAX];
                uint8_t *heap; /* over OUTBOX_SMALL_MAX */
        } own;
        uint32_t size;
        uint16_t packet_id;
        uint8_t extra_len;
        uint8_t level : 3, qos : 2, dup : 1, retain : 1, topic_left_out : 1;
};

static bool on_heap(const struct outbox_item *item)
{
        return (item->message != NULL ? item->extra_len : item->size) > OUTBOX_SMALL_MAX;
}

static void free_own(struct outbox_item *item)
{
        if (on_heap(item))
                free(item->own.heap);
}

static struct outbox_item *item_at(const struct outbox *o, uint32_t n)
{
        return &o->items[(o->first + n) & (o->capacity - 1)];
}

static enum err grow(struct outbox *o)
{
        uint32_t capacity = o->capacity == 0 ? 4 : o->capacity * 4;
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

/* `len` bytes, as many as the item says of itself. */
static enum err keep(struct outbox_item *item, const uint8_t *bytes, size_t len)
{
        uint8_t *to = item->own.small;

        if (len == 0)
                return ERR_OK;
        if (on_heap(item)) {
                to = item->own.heap = malloc(len);
                if (to == NULL)
                        return ERR_NOMEM;
        }
        memcpy(to, bytes, len);
        return ERR_OK;
}

static const uint8_t *kept(const struct outbox_item *item)
{
        return on_heap(item) ? item->own.heap : item->own.small;
}

static enum err add_kept(struct outbox *o, struct outbox_item *item, const uint8_t *bytes, size_t len)
{
        enum err e;

        TRY(keep(item, bytes, len));
        e = add(o, item);
        if (e != ERR_OK)
                free_own(item);
        return e;
}

enum err outbox_publish(struct outbox *o, struct message *m, const struct mqtt_publish_form *form)
{
        struct outbox_item item = {.message = m,
                                   .size = (uint32_t)mqtt_publish_size(m, form),
                                   .packet_id = form->packet_id,
                                   .level = form->level & 7,
                                   .qos = form->qos & 3,
                                   .dup = form->dup,
                                   .retain = form->retain,
                                   .topic_left_out = form->topic_left_out,
                                   .extra_len = form->extra_len};

        TRY(add_kept(o, &item, form->extra, form->extra_len));
        (void)message_ref(m);
        return ERR_OK;
}

enum err outbox_raw(struct outbox *o, const uint8_t *bytes, size_t len)
{
        struct outbox_item item = {.size = (uint32_t)len};

        return add_kept(o, &item, bytes, len);
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

/* A packet that does not fit into its record, or has begun in the one before. */
static size_t copy_part(uint8_t *out, size_t room, size_t from, const struct message *m,
                        const struct mqtt_publish_form *form)
{
        uint8_t head[MQTT_PUBLISH_HEAD_MAX], middle[MQTT_PUBLISH_MIDDLE_MAX];
        const struct bytes segments[] = {
                {head, mqtt_write_publish_head(head, m, form)},
                {m->bytes, form->topic_left_out ? 0 : m->topic_len},
                {middle, mqtt_write_publish_middle(middle, m, form)},
                {message_properties(m), form->level == MQTT_5 ? m->properties_len : 0},
                {message_payload(m), m->payload_len},
        };
        size_t done = 0, at = 0;

        for (size_t n = 0; n < sizeof segments / sizeof segments[0] && done < room; n++) {
                done += copy_segment(out + done, room - done, from + done, at, segments[n].data,
                                     segments[n].len);
                at += segments[n].len;
        }
        return done;
}

static size_t copy_publish(const struct outbox_item *item, size_t from, uint8_t *out, size_t room)
{
        const struct mqtt_publish_form form = {.packet_id = item->packet_id,
                                               .level = item->level,
                                               .qos = item->qos,
                                               .dup = item->dup,
                                               .retain = item->retain,
                                               .topic_left_out = item->topic_left_out,
                                               .extra_len = item->extra_len,
                                               .extra = kept(item)};

        if (from == 0 && item->size <= room)
                return mqtt_write_publish(out, item->message, &form);
        return copy_part(out, room, from, item->message, &form);
}

static size_t copy_item(const struct outbox_item *item, size_t from, uint8_t *out, size_t room)
{
        if (item->message != NULL)
                return copy_publish(item, from, out, room);
        return copy_segment(out, room, from, 0, kept(item), item->size);
}

static size_t written_of(const struct outbox *o, uint32_t n)
{
        return n == 0 ? o->offset : 0;
}

size_t outbox_left(const struct outbox *o, uint32_t n)
{
        return item_at(o, n)->size - written_of(o, n);
}

size_t outbox_fill_one(const struct outbox *o, uint32_t n, uint8_t *out, size_t room)
{
        return copy_item(item_at(o, n), written_of(o, n), out, room);
}

size_t outbox_fill(const struct outbox *o, uint8_t *out, size_t room)
{
        size_t done = 0;

        for (uint32_t n = 0; n < o->count && done < room; n++)
                done += outbox_fill_one(o, n, out + done, room - done);
        return done;
}

static void item_done(struct outbox_item *item)
{
        free_own(item);
        (void)message_unref(item->message);
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
