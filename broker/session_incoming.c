/* SPDX-License-Identifier: Apache-2.0 */
/* session_incoming: packet IDs of QoS 2 messages from the client, between PUBLISH and PUBREL. */
#include "broker/session_state.h"
#include "broker/store_kind.h"

static struct store_key key_of(const struct session *s, uint16_t packet_id)
{
        return (struct store_key){STORE_INCOMING, s->id, packet_id};
}

enum err session_qos2_begin(struct session *s, uint16_t packet_id, uint32_t open_max, bool *ret_known,
                            uint64_t *ret_ticket)
{
        bool known = id_set_has(&s->incoming, packet_id);

        if (!known && s->incoming.count >= open_max)
                return ERR_LIMIT;
        if (!known)
                TRY(id_set_put(&s->incoming, packet_id));
        /* Again also when it is known: what it was kept with may not be committed yet. */
        *ret_ticket = session_kept(s) ? store_put(session_port(s), key_of(s, packet_id), NULL, 0) : 0;
        *ret_known = known;
        return ERR_OK;
}

bool session_qos2_end(struct session *s, uint16_t packet_id, uint64_t *ret_ticket)
{
        *ret_ticket = 0;
        if (!id_set_has(&s->incoming, packet_id))
                return false;
        id_set_remove(&s->incoming, packet_id);
        if (session_kept(s))
                *ret_ticket = store_delete(session_port(s), key_of(s, packet_id));
        return true;
}

uint32_t session_qos2_open(const struct session *s)
{
        return s->incoming.count;
}
