/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/restore.h"

#include "broker/fabric.h"
#include "broker/store_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct restoring {
        struct session_restore sessions; /* first: what its calls get */
        struct session_table *tables[WORKERS_MAX];
        struct context *const *contexts;
        struct retained *retained;
        struct restored *counts;
        char *why;
};

static int home(const struct session_restore *r, const void *client_id, size_t len)
{
        return fabric_home(((const struct restoring *)r)->contexts[0], client_id, len);
}

/* Its member is not connected yet. No worker runs, so its home is told at once: nobody must be able to
 * publish before. */
static void shared(const struct session_restore *r, int worker, struct session *s, struct bytes filter,
                   const struct subscription *sub)
{
        const struct share_news news = {.change = SHARE_JOIN, .connected = false, .kept = true, .sub = *sub};
        struct context *const *contexts = ((const struct restoring *)r)->contexts;
        const char *id = session_client_id(s);

        fabric_share(contexts[fabric_share_home(contexts[worker], filter)], filter,
                     (struct bytes){(const uint8_t *)id, strlen(id)}, &news, NULL);
}

static enum err each_row(void *arg, struct store_key key, struct bytes value)
{
        struct restoring *r = arg;
        enum err e;

        r->counts->rows++;
        r->counts->sessions += key.kind == STORE_SESSION;
        r->counts->retained += key.kind == STORE_RETAINED;
        if (key.kind == STORE_RETAINED)
                e = retained_restore_row(r->retained, &key, value);
        else if (key.kind == STORE_FORMAT)
                return ERR_OK;
        else
                e = session_restore_row(&r->sessions, &key, value);
        if (e != ERR_OK)
                (void)snprintf(r->why, 256, "row %d/%" PRIu64 "/%" PRIu64 ": %s", key.kind, key.a, key.b,
                               err_text(e));
        return e;
}

enum err restore(struct store *store, struct workers *workers, struct retained *retained,
                 struct restored *ret, char why[256])
{
        struct restoring r = {.retained = retained, .counts = ret, .why = why};
        enum err e;
        int count;

        *ret = (struct restored){0};
        r.contexts = workers_contexts(workers, &count);
        for (int n = 0; n < count; n++)
                r.tables[n] = r.contexts[n]->sessions;
        r.sessions =
                (struct session_restore){.tables = r.tables, .count = count, .home = home, .shared = shared};
        why[0] = '\0';
        e = store_read(store, each_row, &r);
        session_restore_done(&r.sessions);
        TRY(e);
        for (int n = 0; n < count; n++) {
                session_restored(r.tables[n]);
                fabric_tell_peers(r.contexts[n]);
                store_port_flush(&r.contexts[n]->port);
        }
        return ERR_OK;
}
