/* SPDX-License-Identifier: Apache-2.0 */
/* Real handshakes in memory between OpenSSL's client and an SSL_CTX with the ticket and staple callbacks. */
#include "broker/ticket.h"

#include "broker/staple.h"
#include "broker/tls.h"
#include "certificate_maker.h"
#include "common/clock.h"
#include "common/pem.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <string.h>
#include <unistd.h>

#define INSTANCE "mqtt-test"
#define RESPONSE "an OCSP response"

enum { TICKET_S = 7200, CERTIFICATE_ID = 7 };

#define FOR_BOTH(version)                                                                                    \
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION;                                        \
             version++) /* their numbers are neighbours */

/* One worker of a broker: what the callbacks look at. */
struct side {
        struct context ctx;
        struct broker_limits limits;
        struct credential *credential;
        struct made made;
        SSL_CTX *tls;
};

static struct scratch_database base;
static struct db *db;
static struct side a, b; /* two brokers; in begin() they are alike */
static SSL_CTX *client;
static SSL_SESSION *given;    /* the newest the client was given */
static int given_count;       /* in the last handshake */
static bool reused;           /* the last handshake was a resumption */
static const char *asked_for; /* the server name that the client sends; NULL: none */
static size_t stapled;        /* bytes of the response in the last handshake */
static uint8_t birth[64];     /* what the server wrote into the last ticket beside OpenSSL's session */
static size_t birth_len;

/* ---- the sides ---- */

static struct perishables *load(struct perishables *last, uint32_t ticket_s)
{
        const struct perishables_source source = {db, base.master, INSTANCE, ticket_s};
        struct perishables *p = NULL;

        cr_assert_eq(perishables_load(&source, last, clock_now(), &p), ERR_OK, "%s", db_why(db));
        return p;
}

static void reload(struct side *s)
{
        struct perishables *next = load(s->ctx.perishables, TICKET_S);

        perishables_unref(s->ctx.perishables);
        s->ctx.perishables = next;
}

static int take_name(SSL *ssl, int *alert, void *arg) /* as tls.c does */
{
        (void)ssl;
        (void)alert;
        (void)arg;
        return SSL_TLSEXT_ERR_OK;
}

static void side_open(struct side *s, const struct made *made)
{
        struct credential_parsed parsed;
        const struct made *m = made;

        if (m == NULL) {
                made_new(&s->made, EVP_PKEY_EC, "ticket");
                m = &s->made;
        }
        cr_assert_eq(
                credential_new(CERTIFICATE_ID, m->sha256, made_leaf(m), NULL, 0, made_key(m), &s->credential),
                ERR_OK);
        cr_assert_eq(credential_parse(s->credential, &parsed), ERR_OK);
        s->limits.ticket_s = TICKET_S;
        s->ctx.limits = &s->limits;
        s->ctx.instance = INSTANCE;
        s->ctx.perishables = load(NULL, TICKET_S);
        s->tls = SSL_CTX_new(TLS_server_method());
        cr_assert_eq(SSL_CTX_use_cert_and_key(s->tls, parsed.leaf, parsed.key, parsed.chain, 1), 1);
        credential_parsed_done(&parsed);
        cr_assert_eq(SSL_CTX_set_session_id_context(s->tls, (const unsigned char *)"same", 4), 1);
        SSL_CTX_set_tlsext_servername_callback(s->tls, take_name);
        cr_assert_eq(ticket_install(s->tls), ERR_OK);
        staple_install(s->tls);
}

static void side_close(struct side *s)
{
        SSL_CTX_free(s->tls);
        perishables_unref(s->ctx.perishables);
        credential_unref(s->credential);
        made_done(&s->made);
        memset(s, 0, sizeof *s);
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
        (void)ssl;
        given_count++;
        SSL_SESSION_free(given);
        given = session;
        return 1;
}

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        side_open(&a, NULL);
        side_open(&b, &a.made);
        client = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(client, on_session);
}

static void end(void)
{
        SSL_SESSION_free(given);
        SSL_CTX_free(client);
        side_close(&b);
        side_close(&a);
        db_close(db);
        scratch_close(&base);
}

TestSuite(ticket, .init = begin, .fini = end, .timeout = 120);

/* ---- handshakes ---- */

static void step(SSL *ssl)
{
        char why[256] = "";
        int n = SSL_do_handshake(ssl);

        ERR_error_string_n(ERR_peek_last_error(), why, sizeof why);
        cr_assert(n == 1 || SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ, "%s: %s",
                  SSL_is_server(ssl) ? "server" : "client", why);
}

static bool same_ticket(const SSL_SESSION *one, const SSL_SESSION *two)
{
        const unsigned char *p = NULL, *q = NULL;
        size_t p_len = 0, q_len = 0;

        SSL_SESSION_get0_ticket(one, &p, &p_len);
        SSL_SESSION_get0_ticket(two, &q, &q_len);
        return p_len == q_len && memcmp(p, q, p_len) == 0;
}

/* A handshake with `s`, which offers `offered` unless that is NULL. What the client is given replaces
 * `given`. `verify` is the server's verify mode. */
static void shake_asking(struct side *s, int version, SSL_SESSION *offered, int verify)
{
        struct tls_peer peer = {.ctx = &s->ctx, .served = s->credential};
        SSL *server = SSL_new(s->tls), *from = SSL_new(client);
        BIO *one, *two;
        char byte;

        given_count = 0;
        cr_assert_eq(BIO_new_bio_pair(&one, 65536, &two, 65536), 1);
        SSL_set_bio(server, one, one);
        SSL_set_bio(from, two, two);
        SSL_set_app_data(server, &peer);
        SSL_set_verify(server, verify, NULL);
        cr_assert(SSL_set_min_proto_version(from, version) == 1 &&
                  SSL_set_max_proto_version(from, version) == 1);
        (void)SSL_set_tlsext_status_type(from, TLSEXT_STATUSTYPE_ocsp);
        if (offered != NULL) { /* a copy: a client of OpenSSL uses a session of TLS 1.3 only once */
                SSL_SESSION *copy = SSL_SESSION_dup(offered);
                cr_assert_eq(SSL_set_session(from, copy), 1);
                SSL_SESSION_free(copy);
        }
        if (asked_for != NULL)
                cr_assert_eq(SSL_set_tlsext_host_name(from, asked_for), 1);
        SSL_set_connect_state(from);
        SSL_set_accept_state(server);
        for (int turn = 0; turn < 10; turn++) {
                step(from);
                step(server);
        }
        cr_assert(SSL_is_init_finished(from) == 1 && SSL_is_init_finished(server) == 1);
        cr_assert_eq(SSL_write(server, "x", 1), 1);
        cr_assert_eq(SSL_read(from, &byte, 1), 1); /* takes the tickets in, too */
        cr_assert_eq(SSL_session_reused(from), SSL_session_reused(server));
        reused = SSL_session_reused(server) == 1;
        if (reused && version == TLS1_2_VERSION && !same_ticket(SSL_get0_session(from), offered))
                (void)on_session(from, SSL_get1_session(from)); /* OpenSSL does not say so itself */
        unsigned char *response = NULL;
        long len = SSL_get_tlsext_status_ocsp_resp(from, &response);
        stapled = len < 0 ? 0 : (size_t)len;
        cr_assert(len < 0 || (stapled == strlen(RESPONSE) && memcmp(response, RESPONSE, stapled) == 0));
        staple_forget(server);
        cr_assert_lt(SSL_get_tlsext_status_ocsp_resp(server, &response), 0);
        void *appdata = NULL;
        (void)SSL_SESSION_get0_ticket_appdata(SSL_get0_session(server), &appdata, &birth_len);
        cr_assert_leq(birth_len, sizeof birth);
        if (birth_len > 0)
                memcpy(birth, appdata, birth_len);
        SSL_shutdown(from); /* else OpenSSL says that the session is not to be resumed */
        SSL_free(server);
        SSL_free(from);
}

static bool shake(struct side *s, int version, SSL_SESSION *offered)
{
        shake_asking(s, version, offered, SSL_VERIFY_NONE);
        return reused;
}

/* A session of a full handshake, which the caller frees. */
static SSL_SESSION *session_of(struct side *s, int version)
{
        cr_assert_not(shake(s, version, NULL));
        cr_assert_eq(given_count, 1, "one ticket a handshake");
        SSL_SESSION *session = given;
        given = NULL;
        return session;
}

static void key_name(const SSL_SESSION *session, uint8_t ret[TICKET_KEY_NAME_BYTES])
{
        const unsigned char *ticket = NULL;
        size_t len = 0;

        SSL_SESSION_get0_ticket(session, &ticket, &len);
        cr_assert_geq(len, TICKET_KEY_NAME_BYTES);
        memcpy(ret, ticket, TICKET_KEY_NAME_BYTES);
}

/* The session with byte `at` of its ticket changed. */
static SSL_SESSION *spoiled(SSL_SESSION *session, size_t at)
{
        const unsigned char *ticket = NULL;
        unsigned char *der = NULL;
        size_t len = 0;

        SSL_SESSION_get0_ticket(session, &ticket, &len);
        int der_len = i2d_SSL_SESSION(session, &der);
        unsigned char *found = memmem(der, (size_t)der_len, ticket, len);
        cr_assert(found != NULL && at < len);
        found[at] ^= 1;
        const unsigned char *p = der;
        SSL_SESSION *other = d2i_SSL_SESSION(NULL, &p, der_len);
        OPENSSL_free(der);
        cr_assert_not_null(other);
        return other;
}

static size_t ticket_len(const SSL_SESSION *session)
{
        const unsigned char *ticket = NULL;
        size_t len = 0;

        SSL_SESSION_get0_ticket(session, &ticket, &len);
        return len;
}

/* Nothing that could be offered again. TLS 1.2 says so with an empty ticket. */
static bool given_nothing(void)
{
        return given_count == 0 || ticket_len(given) == 0;
}

/* ---- no ticket is made, none is taken ---- */

Test(ticket, without_keys_there_are_none)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);
                struct perishables *had = a.ctx.perishables;

                a.ctx.perishables = NULL;
                cr_assert_not(shake(&a, version, session));
                cr_assert(given_nothing(), "%x: %d", version, given_count);
                a.ctx.perishables = had;
                SSL_SESSION_free(session);
        }
}

Test(ticket, with_tickets_off_there_are_none)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                a.limits.ticket_s = 0;
                cr_assert_not(shake(&a, version, session));
                cr_assert(given_nothing());
                a.limits.ticket_s = TICKET_S;
                SSL_SESSION_free(session);
        }
}

Test(ticket, where_a_client_certificate_is_asked_for_there_are_none)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                shake_asking(&a, version, session, SSL_VERIFY_PEER);
                cr_assert_not(reused, "with the same session id context");
                cr_assert(given_nothing());
                SSL_SESSION_free(session);
        }
}

/* ---- a ticket that is not good means a full handshake, and a new one ---- */

static void not_taken(struct side *s, int version, SSL_SESSION *session, const char *what)
{
        cr_assert_not(shake(s, version, session), "%s, %x", what, version);
        cr_assert_eq(given_count, 1, "%s, %x", what, version);
        cr_assert_gt(ticket_len(given), 0);
}

Test(ticket, of_another_certificate)
{
        static struct side other;

        side_open(&other, NULL);
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                not_taken(&other, version, session, "with the same keys and the same session id context");
                cr_assert(shake(&a, version, session));
                SSL_SESSION_free(session);
        }
        side_close(&other);
}

Test(ticket, of_another_instance)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                b.ctx.instance = "mqtt-test-2";
                not_taken(&b, version, session, "another instance");
                b.ctx.instance = INSTANCE;
                cr_assert(shake(&b, version, session));
                SSL_SESSION_free(session);
        }
}

Test(ticket, of_another_name)
{
        static const char *const names[] = {NULL, "a.example.com", "b.example.com", "a.example.com."};

        FOR_BOTH(version)
        {
                for (int from = 0; from < 4; from++)
                        for (int to = 0; to < 4; to++) {
                                asked_for = names[from];
                                SSL_SESSION *session = session_of(&a, version);
                                asked_for = names[to];
                                if (from == to)
                                        cr_assert(shake(&a, version, session));
                                else
                                        not_taken(&a, version, session, "another name");
                                SSL_SESSION_free(session);
                        }
        }
}

Test(ticket, that_does_not_say_when_its_session_began)
{
        (void)SSL_CTX_set_session_ticket_cb(b.tls, NULL, NULL, NULL); /* the right key, and nothing of ours */
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&b, version);

                not_taken(&a, version, session, "no birth");
                SSL_SESSION_free(session);
        }
}

/* Makes tickets that say what the test wants them to. */
static int say_birth(SSL *ssl, void *arg)
{
        (void)arg;
        return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), birth, birth_len);
}

Test(ticket, whose_birth_is_strange)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);
                uint8_t good[sizeof birth];

                SSL_SESSION_free(session);
                cr_assert_eq(birth_len, 25);
                memcpy(good, birth, sizeof good);
                (void)SSL_CTX_set_session_ticket_cb(b.tls, say_birth, NULL, NULL);
                for (size_t at = 0; at <= birth_len;
                     at++) { /* each byte changed; and none, to see that it is this */
                        if (at == 8)
                                continue; /* of the seconds: a little older or younger is no matter */
                        memcpy(birth, good, sizeof birth);
                        birth_len = 25;
                        birth[at] ^= 0x80;
                        session = session_of(&b, version);
                        if (at < 25)
                                not_taken(&a, version, session, "a changed birth");
                        else
                                cr_assert(shake(&a, version, session));
                        SSL_SESSION_free(session);
                }
                for (size_t len = 0; len <= 26; len += 13) { /* and of another length */
                        memcpy(birth, good, sizeof birth);
                        birth_len = len;
                        session = session_of(&b, version);
                        not_taken(&a, version, session, "a birth of another length");
                        SSL_SESSION_free(session);
                }
        }
}

static int anybody(int ok, X509_STORE_CTX *store)
{
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

        (void)ok;
        SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL); /* so that a ticket is made */
        return 1;
}

static int ask_anybody(SSL *ssl, int *alert, void *arg)
{
        (void)alert;
        (void)arg;
        SSL_set_verify(ssl, SSL_VERIFY_PEER, anybody);
        return SSL_CLIENT_HELLO_SUCCESS;
}

Test(ticket, that_holds_a_client_certificate)
{
        struct credential_parsed parsed;

        cr_assert_eq(credential_parse(a.credential, &parsed), ERR_OK);
        cr_assert_eq(SSL_CTX_use_cert_and_key(client, parsed.leaf, parsed.key, parsed.chain, 1), 1);
        credential_parsed_done(&parsed);
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                SSL_SESSION_free(session);
                SSL_CTX_set_client_hello_cb(b.tls, ask_anybody, NULL);
                (void)SSL_CTX_set_session_ticket_cb(b.tls, say_birth, NULL, NULL); /* a good one */
                session = session_of(&b, version);
                not_taken(&a, version, session, "a client's certificate");
                SSL_SESSION_free(session);
        }
}

Test(ticket, that_was_tampered_with)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);
                size_t len = ticket_len(session);

                for (size_t at = 0; at < len; at += at < 64 || at + 40 > len ? 1 : 7) {
                        SSL_SESSION *bad = spoiled(session, at);

                        not_taken(&a, version, bad, "a changed byte");
                        SSL_SESSION_free(bad);
                }
                cr_assert(shake(&a, version, session));
                SSL_SESSION_free(session);
        }
}

Test(ticket, whose_key_is_gone)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                scratch_sql(&base, "DELETE FROM ticket_key");
                reload(&a);
                not_taken(&a, version, session, "no such key");
                SSL_SESSION_free(session);
        }
}

Test(ticket, of_the_other_version)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);
                int other = version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION;

                not_taken(&a, other, session, "the other version of TLS");
                SSL_SESSION_free(session);
        }
}

Test(ticket, is_older_than_allowed_however_often_it_was_renewed)
{
        enum { LIFE_S = 8 };

        FOR_BOTH(version)
        {
                int renewals = 0;

                a.limits.ticket_s = LIFE_S;
                SSL_SESSION *session = session_of(&a, version);
                int64_t began = clock_now(), resumed_at = 0, asked_at = began;
                while (shake(&a, version, session)) {
                        resumed_at = asked_at; /* a stall since then does not count */
                        if (given_count > 0 && ticket_len(given) > 0) { /* TLS 1.3: always */
                                SSL_SESSION_free(session);
                                session = given;
                                given = NULL;
                                renewals++;
                        }
                        cr_assert_leq(resumed_at - began, LIFE_S);
                        usleep(100 * 1000);
                        asked_at = clock_now();
                }
                cr_assert_geq(resumed_at - began, 1);
                cr_assert(version == TLS1_2_VERSION || renewals > 3, "%d", renewals);
                cr_assert_gt(given_count, 0, "a new session begins");
                SSL_SESSION_free(session);
        }
}

/* ---- a good one is taken ---- */

Test(ticket, is_taken_by_every_broker_of_the_instance)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                for (int i = 0; i < 3; i++)
                        cr_assert(shake(i % 2 == 0 ? &b : &a, version, session));
                SSL_SESSION_free(session);
        }
}

Test(ticket, says_how_long_it_is_good_for)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);

                cr_assert_eq(SSL_SESSION_get_ticket_lifetime_hint(session), TICKET_S);
                cr_assert_eq(SSL_SESSION_get_max_early_data(session), 0);
                SSL_SESSION_free(session);
        }
}

Test(ticket, of_the_key_before_is_taken_and_renewed)
{
        FOR_BOTH(version)
        {
                SSL_SESSION *session = session_of(&a, version);
                uint8_t old[TICKET_KEY_NAME_BYTES], new[TICKET_KEY_NAME_BYTES];

                scratch_sql(&base, "UPDATE ticket_key SET created_at = created_at - interval '61 minutes'");
                reload(&a); /* which makes the next key */
                scratch_sql(&base, "UPDATE ticket_key SET created_at = created_at - interval '31 seconds'");
                reload(&a);
                reload(&b);
                cr_assert(shake(&b, version, session));
                cr_assert_eq(given_count, 1);
                key_name(session, old);
                key_name(given, new);
                cr_assert_neq(memcmp(old, new, sizeof old), 0);
                SSL_SESSION_free(session);
                session = given;
                given = NULL;
                cr_assert(shake(&a, version, session));
                SSL_SESSION_free(session);
        }
}

/* ---- OCSP responses ---- */

Test(ticket, a_staple_comes_when_there_is_one_and_no_handshake_fails_without)
{
        scratch_certificate(&base, CERTIFICATE_ID, made_leaf(&a.made), NULL, 0, NULL, base.master);
        scratch_sql(&base, "INSERT INTO sni_certificate VALUES ('" INSTANCE
                           "', 7); INSERT INTO ocsp_response (certificate_id, "
                           "response, next_update, fetched_at) VALUES (7, '" RESPONSE
                           "', now() + interval '1 hour', now())");
        FOR_BOTH(version)
        {
                (void)shake(&a, version, NULL);
                cr_assert_eq(stapled, 0, "not loaded yet");
                (void)shake(&b, version, NULL);
        }
        reload(&a);
        FOR_BOTH(version)
        {
                (void)shake(&a, version, NULL);
                cr_assert_eq(stapled, strlen(RESPONSE));
        }
        scratch_sql(&base, "UPDATE ocsp_response SET next_update = now(), fetched_at = clock_timestamp()");
        reload(&a);
        FOR_BOTH(version)
        {
                (void)shake(&a, version, NULL);
                cr_assert_eq(stapled, 0, "over");
        }
}
