/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/recheck.h"

#include "broker/conn_access.h"
#include "common/clock.h"

#include <string.h>

/* A device credential that is gone ends nobody's connection. */
static bool logins_differ(const struct login_map *before, const struct login_map *now)
{
        for (int kind = 0; before != now && kind < LOGIN_KINDS; kind++)
                if (kind != LOGIN_DEVICE_CREDENTIAL && login_map_version(before, (enum login_kind)kind) !=
                                                               login_map_version(now, (enum login_kind)kind))
                        return true;
        return false;
}

static bool may_refuse_more(const struct snapshot *before, const struct snapshot *now)
{
        return before->access_keys != now->access_keys || before->mode != now->mode ||
               before->login_required != now->login_required || before->trust != now->trust ||
               before->inactive != now->inactive || now->removed != NULL || now->removed_unknown ||
               before->token_keys != now->token_keys || logins_differ(before->logins, now->logins);
}

/* A CA that may have issued it is inactive, or has a revocation list. */
static bool is_doubtful(const struct trust *t, X509 *certificate)
{
        struct trust_ca *ca = NULL;

        while ((ca = trust_next_issuer(t, certificate, ca)) != NULL)
                if (!ca->active || ca->revoked != NULL)
                        return true;
        return false;
}

/* An intermediate that it presented may be a registered CA that is inactive now. Its chain is verified again
 * only if there is such a CA: thousands of devices may be below one intermediate. */
static enum refusal recheck_chain(const struct conn *c)
{
        const struct trust *t = c->ctx->snapshot->trust;
        STACK_OF(X509) *presented = SSL_get_peer_cert_chain(c->ssl);
        bool doubtful = is_doubtful(t, SSL_get0_peer_certificate(c->ssl));
        struct device_identity found;

        for (int n = 0; !doubtful && n < sk_X509_num(presented); n++)
                doubtful = is_doubtful(t, sk_X509_value(presented, n));
        if (!doubtful)
                return REFUSAL_NONE;
        return device_auth(c->ctx->snapshot, c->ctx->known, SSL_get0_peer_certificate(c->ssl), presented,
                           clock_now(), &found);
}

enum refusal recheck_late(const struct conn *c)
{
        const struct snapshot *s = c->ctx->snapshot;

        if (s->mode != AUTH_MUTUAL || c->device == NULL || c->device->direct ||
            c->device->revision == s->revision)
                return REFUSAL_NONE;
        return recheck_chain(c);
}

static enum refusal recheck_login(const struct conn *c)
{
        enum refusal why = REFUSAL_NONE;

        if (c->state == CONN_ACTIVE && c->client_id != NULL)
                why = conn_judge_client(c,
                                        (struct bytes){(const uint8_t *)c->client_id, strlen(c->client_id)});
        return why == REFUSAL_NONE ? conn_judge_rights(c) : why;
}

static enum refusal recheck(const struct conn *c, bool other_trust)
{
        const struct snapshot *s = c->ctx->snapshot;
        enum refusal why = conn_authority(c);

        if (why == REFUSAL_NONE)
                why = recheck_login(c);
        if (why != REFUSAL_NONE || c->device == NULL)
                return why;
        if (device_was_removed(s, c->device))
                return REFUSAL_DEVICE_REMOVED;
        return s->mode == AUTH_MUTUAL && other_trust && !c->device->direct ? recheck_chain(c) : REFUSAL_NONE;
}

void recheck_connections(struct context *ctx, const struct snapshot *before)
{
        bool other_trust = before->trust != ctx->snapshot->trust;
        struct conn *next;

        if (!may_refuse_more(before, ctx->snapshot))
                return;
        for (struct conn *c = ctx->connections; c != NULL; c = next) {
                bool early = c->state == CONN_PROXY_HEADER || c->state == CONN_HANDSHAKE;
                enum refusal why = early ? REFUSAL_NONE : recheck(c, other_trust);

                next = c->next;
                if (why != REFUSAL_NONE)
                        conn_end_right(c, why);
        }
        if (before->mode != ctx->snapshot->mode)
                conn_expiries_moved(ctx);
}
