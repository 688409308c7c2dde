/* SPDX-License-Identifier: Apache-2.0 */
/* reload: the thread that keeps the broker at the instance's newest revision. It owns the broker's database
 * connection. Wakes on reload_wanted() (a notice from the API), on NOTIFY signet_instance, every few seconds
 * to look for itself and to say that it is alive (broker_node.seen_at); many notices while it works are one
 * reload. While the database is away it tries again with growing pauses (100 ms to 5 s) and the broker serves
 * what it has. At each look, and after each load, it also reads what changes with time only (perishables.h):
 * failing at that keeps no snapshot from being loaded. */
#ifndef SIGNET_BROKER_RELOAD_H
#define SIGNET_BROKER_RELOAD_H

#include "broker/perishables.h"
#include "broker/served.h"
#include "broker/snapshot.h"
#include "common/crypt.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

struct reload;

struct reload_settings {
        const char *database_url, *database_password_file;
        const char *instance, *node_id;
        const struct master_key *master; /* borrowed; outlives the reload */
        /* Called on the reload thread with a new snapshot (borrowed). Hands a reference to every worker and
         * returns when each of them serves it. */
        void (*publish)(void *arg, struct snapshot *next);
        /* Called on the reload thread with other perishables than before (borrowed). Hands a reference to
         * every worker; nobody waits until they have it. May be NULL: they are not read then. */
        void (*perish)(void *arg, struct perishables *next);
        /* Called on the reload thread after publish, and after broker_node is written. */
        void (*applied)(void *arg, int64_t revision);
        void *arg;
        uint32_t ticket_s; /* as perishables_source has it */
};

/* Starts the thread. Does not wait for a first snapshot: without a database the broker comes up, refuses
 * handshakes and serves as soon as it has loaded. */
MUST_CHECK enum err reload_start(const struct reload_settings *settings, struct reload **ret);
struct reload *
reload_stop(struct reload *r); /* joins; removes this node from broker_node when the database answers */
void reload_wanted(struct reload *r, int64_t revision); /* any thread; at least this revision is committed */
/* For `status`, see docs/control-protocol.md: "applied", "wanted", "loadedAt", "snapshotAgeMs",
 * "checkedAgoMs", "domains", "certificates", "mode", "loginRequired", "cas", "inactiveDevices",
 * "ticketKeyMadeAt", "staples", "rejected", "database", "problem", "reloads", "lastReloadMs". New reference;
 * any thread. */
json_t *reload_status(struct reload *r);
/* For metrics: a copy, a new reference (NULL: none yet), and whether the last turn reached the database. Any
 * thread. */
void reload_served(struct reload *r, struct served *ret, struct perishables **ret_perishables,
                   bool *ret_database_ok);

#endif
