/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/snapshot_load.h"

#include "broker/certificate_load.h"
#include "broker/device_load.h"
#include "broker/login_load.h"
#include "broker/mapping_load.h"
#include "broker/trust_load.h"
#include "common/clock.h"
#include "common/domain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        ACCESS_KEYS_MAX = 10000,
        SECRET_MAX = 1024,
        AGAIN_MAX =
                1000 /* rejected rows that a partial load tries again; with more, all of the kind are read */
};

static const char bad_domain[] = "the domain is longer than 253 octets or empty";
static const char too_many_keys[] = "more access keys than a broker holds";

struct instance { /* its row */
        int64_t revision, made_at_us, marks_from, account_id, default_certificate_id;
        bool has_default, login_required;
        enum authentication_mode mode;
};

struct load { /* one load on its way */
        const struct snapshot_source *source;
        const struct snapshot *last; /* NULL: the first */
        struct snapshot *next;
        struct instance instance;
        bool same_instance; /* `last` is of this instance, not of one that was made anew */
        bool marked;        /* the database marks what was removed since `last` */
        bool partial;       /* mappings: only what has changed is read */
        struct mappings mappings;
        struct certificates certificates;
        struct tls_table_change *changes; /* what the mappings come to; names borrowed from them */
        size_t change_count;
};

static void load_done(struct load *l)
{
        snapshot_unref(l->next);
        mappings_done(&l->mappings);
        certificates_done(&l->certificates);
        free(l->changes);
}

static inline void cleanup_load(struct load *l)
{
        load_done(l);
}

/* ---- what to read ---- */

static enum err instance_read(const struct snapshot_source *source, struct instance *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(source->instance)};

        TRY(db_query(source->db, DB_AS_BINARY, &rows,
                     "SELECT revision, marks_from, account_id, default_certificate_id, "
                     "authentication_mode, " INSTANCE_MADE_AT ", login_required FROM instance "
                     "WHERE mqtt_instance_id = $1",
                     1, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        ret->revision = db_binary_int(rows, 0, 0);
        ret->marks_from = db_binary_int(rows, 0, 1);
        ret->account_id = db_binary_int(rows, 0, 2);
        ret->has_default = PQgetisnull(rows, 0, 3) == 0;
        ret->default_certificate_id = ret->has_default ? db_binary_int(rows, 0, 3) : 0;
        ret->mode = db_binary_int(rows, 0, 4) == AUTH_MUTUAL ? AUTH_MUTUAL : AUTH_ONE_WAY;
        ret->made_at_us = db_binary_int(rows, 0, 5);
        ret->login_required = db_binary_int(rows, 0, 6) != 0;
        return ERR_OK;
}

/* A revision below ours is another history (a restored backup), and so is an instance that was deleted and
 * made anew: nothing of what we know need be true. */
static void decide(struct load *l)
{
        const struct snapshot *last = l->last;
        const struct instance *i = &l->instance;

        l->same_instance = last != NULL && last->made_at_us == i->made_at_us;
        l->marked = l->same_instance && last->revision < i->revision && i->marks_from <= last->revision;
        l->partial = l->marked && rejected_count(&last->rejected, REJECTED_DOMAIN) <= AGAIN_MAX;
}

static enum err mappings_read(struct load *l)
{
        const struct snapshot_source *s = l->source;

        if (l->partial) {
                enum err e = mapping_load_since(s->db, s->instance, l->last->revision, &l->last->rejected,
                                                &l->mappings);

                if (e != ERR_LIMIT)
                        return e;
                l->partial = false; /* marks and all are more than what is mapped */
        }
        return mapping_load_all(s->db, s->instance, &l->mappings);
}

static enum err certificates_read(struct load *l)
{
        int64_t *ids = malloc((l->mappings.count + 1) * sizeof(*ids));
        size_t count = 0;

        if (ids == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < l->mappings.count; i++)
                if (!l->mappings.rows[i].removed)
                        ids[count++] = l->mappings.rows[i].certificate_id;
        if (l->instance.has_default)
                ids[count++] = l->instance.default_certificate_id;
        enum err e =
                certificate_load(l->source->db, l->source->master,
                                 l->last == NULL ? NULL : l->last->credentials, ids, count, &l->certificates);
        free(ids);
        return e;
}

/* ---- what it comes to ---- */

static struct credential *served_before(const struct load *l, const char *domain)
{
        return l->last == NULL ? NULL : tls_table_exact(l->last->tls, domain, strlen(domain));
}

/* A row that cannot be used: reported, and the domain goes on with what it had. */
static enum err mapping_reject(struct load *l, const char *domain, int64_t certificate_id, const char *error)
{
        struct credential *had = served_before(l, domain);

        if (!l->partial && had != NULL)
                l->changes[l->change_count++] = (struct tls_table_change){domain, had};
        return rejected_add(&l->next->rejected, REJECTED_DOMAIN, domain, certificate_id, error);
}

static enum err changes_make(struct load *l)
{
        l->changes = calloc(l->mappings.count + 1, sizeof(*l->changes));
        if (l->changes == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < l->mappings.count; i++) {
                const struct mapping *row = &l->mappings.rows[i];
                const char *domain = mapping_domain(&l->mappings, i);
                size_t len = strlen(domain);
                const struct certificate *c =
                        row->removed ? NULL : certificate_find(&l->certificates, row->certificate_id);

                if (len == 0 || len > DOMAIN_MAX) { /* can't be in the table, so needs no removal either */
                        if (!row->removed)
                                TRY(rejected_add(&l->next->rejected, REJECTED_DOMAIN, domain,
                                                 row->certificate_id, bad_domain));
                } else if (c != NULL && c->credential == NULL)
                        TRY(mapping_reject(l, domain, row->certificate_id, c->error));
                else
                        l->changes[l->change_count++] =
                                (struct tls_table_change){domain, c == NULL ? NULL : c->credential};
        }
        return ERR_OK;
}

static enum err default_choose(struct load *l)
{
        struct snapshot *next = l->next;
        char id[24];

        if (!l->instance.has_default)
                return ERR_OK;
        const struct certificate *c = certificate_find(&l->certificates, l->instance.default_certificate_id);
        next->default_credential = credential_ref(c->credential);
        if (c->credential != NULL)
                return ERR_OK;
        next->default_credential = l->last == NULL ? NULL : credential_ref(l->last->default_credential);
        (void)snprintf(id, sizeof(id), "%" PRId64, c->id);
        return rejected_add(&next->rejected, REJECTED_CERTIFICATE, id, c->id, c->error);
}

/* Who is used by how many, so that the next load can share. */
static enum err credentials_count(struct load *l)
{
        struct credential_use *uses = calloc(2 * l->change_count + 2, sizeof(*uses));
        const struct snapshot *last = l->partial ? l->last : NULL;
        size_t count = 0;

        if (uses == NULL)
                return ERR_NOMEM;
        for (size_t i = 0; i < l->change_count; i++) {
                uses[count++] = (struct credential_use){l->changes[i].credential, 1};
                if (last != NULL)
                        uses[count++] = (struct credential_use){served_before(l, l->changes[i].domain), -1};
        }
        uses[count++] = (struct credential_use){l->next->default_credential, 1};
        if (last != NULL)
                uses[count++] = (struct credential_use){last->default_credential, -1};
        enum err e = credential_set_with(last == NULL ? NULL : last->credentials, uses, count,
                                         &l->next->credentials);
        free(uses);
        return e;
}

/* ---- access keys ---- */

static enum err secret_open(const struct load *l, const PGresult *rows, int row, struct buf *ret)
{
        char context[sizeof(SEAL_ACCESS_KEY_SECRET) + ACCESS_KEY_ID_MAX];

        (void)snprintf(context, sizeof(context), SEAL_ACCESS_KEY_SECRET, PQgetvalue(rows, row, 0));
        return crypt_open(l->source->master, context, PQgetvalue(rows, row, 1),
                          (size_t)PQgetlength(rows, row, 1), ret);
}

static enum err access_key_read(struct load *l, const PGresult *rows, int row, struct access_keys *keys)
{
        CLEANUP(buf) struct buf opened = BUF_UP_TO(SECRET_MAX);
        const char *id = PQgetvalue(rows, row, 0), *secret;
        size_t secret_len;

        enum err e = secret_open(l, rows, row, &opened);
        if (e == ERR_OK)
                return access_keys_add(keys, id, opened.data, opened.len);
        if (e == ERR_NOMEM)
                return e;
        if (l->last != NULL && snapshot_access_key(l->last, id, strlen(id), &secret, &secret_len))
                TRY(access_keys_add(keys, id, secret, secret_len));
        return rejected_add(&l->next->rejected, REJECTED_ACCESS_KEY, id, 0, err_text(e));
}

enum { USED_BY_CLIENTS = 1, USED_FOR_TOKENS = 2 }; /* access_key_uses() of the database */

static enum err access_keys_read(struct load *l, const PGresult *rows, struct access_keys *keys,
                                 struct access_keys *token_keys)
{
        for (int i = 0; i < PQntuples(rows); i++) {
                const char *id = PQgetvalue(rows, i, 0);
                int64_t uses = db_binary_int(rows, i, 2);

                if (i == ACCESS_KEYS_MAX)
                        return rejected_add(&l->next->rejected, REJECTED_ACCESS_KEY, id, 0, too_many_keys);
                if ((uses & USED_BY_CLIENTS) != 0)
                        TRY(access_key_read(l, rows, i, keys));
                if ((uses & USED_FOR_TOKENS) != 0)
                        TRY(access_keys_add(token_keys, id, NULL, 0));
        }
        return ERR_OK;
}

/* `made`, or the old one when it is the same. */
static struct access_keys *shared_keys(struct access_keys *old, struct access_keys **made)
{
        return old != NULL && access_keys_equal(old, *made) ? access_keys_ref(old) : TAKE(*made);
}

static enum err access_keys_load(struct load *l)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        CLEANUP(access_keysp) struct access_keys *keys = NULL;
        CLEANUP(access_keysp) struct access_keys *token_keys = NULL;
        const struct snapshot *last = l->last;
        const struct db_param params[] = {DB_INT(l->instance.account_id), DB_INT(ACCESS_KEYS_MAX + 1),
                                          DB_TEXT(l->source->instance)};

        TRY(db_query(l->source->db, DB_AS_BINARY, &rows,
                     "SELECT access_key_id, secret_sealed, uses FROM access_key, "
                     "access_key_uses(access_key_id, $3) uses WHERE account_id = $1 AND enabled AND uses > 0 "
                     "ORDER BY access_key_id COLLATE \"C\" LIMIT $2",
                     3, params));
        TRY(access_keys_new((size_t)PQntuples(rows), &keys));
        TRY(access_keys_new((size_t)PQntuples(rows), &token_keys));
        TRY(access_keys_read(l, rows, keys, token_keys));
        l->next->access_keys = shared_keys(last == NULL ? NULL : last->access_keys, &keys);
        l->next->token_keys = shared_keys(last == NULL ? NULL : last->token_keys, &token_keys);
        return ERR_OK;
}

/* ---- who vouches for devices, and which are kept out ---- */

/* Devices go with their CA and without a mark. */
static enum err devices_load_since(struct load *l, bool ca_removed)
{
        const struct snapshot_source *s = l->source;
        CLEANUP(digest_setp) struct digest_set *inactive = NULL;

        TRY(device_load_since(s->db, s->instance, l->last->revision, l->last->inactive, &inactive,
                              &l->next->removed));
        if (ca_removed && digest_set_count(inactive) > 0)
                return device_load_inactive(s->db, s->instance, inactive, &l->next->inactive);
        l->next->inactive = TAKE(inactive);
        return ERR_OK;
}

static enum err devices_load(struct load *l)
{
        const struct snapshot *last = l->last;
        const struct snapshot_source *s = l->source;
        const struct trust_source trust = {s->db, s->instance, last == NULL ? NULL : last->trust,
                                           l->same_instance};
        bool ca_removed = false;

        if (l->marked && rejected_count(&last->rejected, REJECTED_CA) <= AGAIN_MAX)
                TRY(trust_load_since(&trust, last->revision, &last->rejected, &l->next->rejected,
                                     &l->next->trust, &ca_removed));
        else {
                TRY(trust_load_all(&trust, &l->next->rejected, &l->next->trust));
                ca_removed = true; /* for all we know */
        }
        if (l->marked)
                return devices_load_since(l, ca_removed);
        l->next->removed_unknown = last != NULL;
        return device_load_inactive(s->db, s->instance, last == NULL ? NULL : last->inactive,
                                    &l->next->inactive);
}

static enum err logins_load(struct load *l)
{
        const struct login_source logins = {.db = l->source->db,
                                            .master = l->source->master,
                                            .instance = l->source->instance,
                                            .last = l->same_instance ? l->last->logins : NULL,
                                            .since = l->marked ? l->last->revision : -1,
                                            .rejected = l->marked ? &l->last->rejected : NULL};

        return login_load(&logins, &l->next->rejected, &l->next->logins);
}

/* ---- the whole ---- */

static enum err load_run(struct load *l)
{
        struct snapshot *next = calloc(1, sizeof(*next));

        if (next == NULL)
                return ERR_NOMEM;
        atomic_init(&next->refs, 1);
        next->revision = l->instance.revision;
        next->made_at_us = l->instance.made_at_us;
        next->loaded_at = clock_now();
        next->mode = l->instance.mode;
        next->login_required = l->instance.login_required;
        l->next = next;
        decide(l);
        TRY(devices_load(l));
        TRY(mappings_read(l));
        TRY(certificates_read(l));
        TRY(access_keys_load(l));
        TRY(logins_load(l));
        TRY(changes_make(l));
        TRY(default_choose(l));
        TRY(tls_table_with(l->partial ? l->last->tls : NULL, l->changes, l->change_count, &next->tls));
        return credentials_count(l);
}

static enum err load_give(struct snapshot *s, struct snapshot **ret, json_t **ret_rejected)
{
        json_t *rejected = rejected_json(&s->rejected);

        if (rejected == NULL)
                return ERR_NOMEM;
        *ret_rejected = rejected;
        *ret = snapshot_ref(s);
        return ERR_OK;
}

enum err snapshot_load(const struct snapshot_source *source, struct snapshot *last, struct snapshot **ret,
                       json_t **ret_rejected)
{
        CLEANUP(load) struct load l = {.source = source, .last = last};
        CLEANUP(db_tx) struct db_tx tx = {NULL}; /* it only reads: rolling back ends it as well as a commit */

        TRY(db_begin(source->db, &tx));
        TRY(db_exec(source->db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
        TRY(instance_read(source, &l.instance));
        if (last != NULL && snapshot_is(last, l.instance.revision, l.instance.made_at_us))
                return load_give(last, ret, ret_rejected);
        TRY(load_run(&l));
        return load_give(l.next, ret, ret_rejected);
}
