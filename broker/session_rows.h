/* SPDX-License-Identifier: Apache-2.0 */
/* session_rows: what a kept session is in the store: bytes of rows (store_kind.h) and back. Big-endian; the
 * layouts are on disk. Readers are strict: a row that this writer would not have written is ERR_SYNTAX. What
 * they give is borrowed from the value.
 *
 *   STORE_SESSION       u8 has_will, u32 expiry_s (above 0), u64 disconnected_at (seconds since 1970; 0: was
 *                       connected), u32 will_delay_s, u32 will_expiry_s (both 0 without a will), u16 length,
 *                       client ID, the will (message_stored_head, its bytes)
 *   STORE_SUBSCRIPTION  u32 Subscription Identifier, u8 options (as in SUBSCRIBE; bit 6: shared), the filter
 *   STORE_OUTGOING      the two highest bits of b say what it is, the rest is a number that counts up:
 *       0 a message     u16 packet ID (0: it waits, or the ID is in a row of its own), u8 QoS with bit 7:
 *                       RETAIN, u8 count, u32 Subscription Identifiers, the message
 *       1 its packet ID u16 packet ID; the same number as its message
 *       2 a release     u16 packet ID: a QoS 2 message after PUBREC; the numbers are in the order of PUBRECs
 *   STORE_INCOMING      empty; b is the packet ID
 *
 * A message's packet ID is apart when it waited first: what may be megabytes is written once. */
#ifndef SIGNET_BROKER_SESSION_ROWS_H
#define SIGNET_BROKER_SESSION_ROWS_H

#include "broker/session.h"
#include "broker/store_kind.h"
#include "broker/store_port.h"

enum session_row_part { ROW_MESSAGE, ROW_PACKET_ID, ROW_RELEASE, ROW_PARTS }; /* of STORE_OUTGOING */
enum { ROW_PART_SHIFT = 62 };
#define ROW_ORDER_MAX ((UINT64_C(1) << ROW_PART_SHIFT) - 1)

static inline struct store_key session_rows_outgoing_key(uint64_t id, enum session_row_part part,
                                                         uint64_t order)
{
        return (struct store_key){STORE_OUTGOING, id, (uint64_t)part << ROW_PART_SHIFT | order};
}

struct row_session {
        uint32_t expiry_s;
        int64_t disconnected_at;
        struct bytes client_id;
        bool has_will;
        uint32_t will_delay_s, will_expiry_s;
        struct bytes will; /* stored form; only read */
};
struct row_filter {
        struct subscription sub;
        bool shared;
        struct bytes text;
};
struct row_message {
        uint16_t packet_id;
        uint8_t qos;
        bool retain;
        uint8_t id_count;
        uint32_t ids[SUBSCRIPTION_IDS_MAX];
        struct bytes message; /* stored form */
};

/* Each answers with the ticket. `will` NULL: none. */
uint64_t session_rows_put_session(struct store_port *p, uint64_t id, const struct row_session *row,
                                  const struct message *will);
uint64_t session_rows_put_filter(struct store_port *p, uint64_t id, uint32_t number,
                                 const struct row_filter *row);
uint64_t session_rows_put_message(struct store_port *p, uint64_t id, uint64_t order, uint16_t packet_id,
                                  const struct delivery *d);
uint64_t session_rows_put_packet_id(struct store_port *p, struct store_key key, uint16_t packet_id);

MUST_CHECK enum err session_rows_read_session(struct bytes value, struct row_session *ret);
MUST_CHECK enum err session_rows_read_filter(struct bytes value, struct row_filter *ret);
MUST_CHECK enum err session_rows_read_message(struct bytes value, struct row_message *ret);
MUST_CHECK enum err session_rows_read_packet_id(struct bytes value, uint16_t *ret);

#endif
