/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/ticket.h"

#include "broker/sni.h"
#include "broker/tls_peer.h"
#include "common/clock.h"
#include "common/crypt.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

enum {
        APPDATA_VERSION = 1,
        BOUND_BYTES = 16,
        APPDATA_BYTES = 1 + 8 + BOUND_BYTES,
        AHEAD_S = 60 /* how far the clock of another broker may be ahead of ours */
};

/* What a ticket says beside OpenSSL's own session: u8 version | u64 began | bound. */
struct birth {
        int64_t began;              /* seconds since 1970: the full handshake */
        uint8_t bound[BOUND_BYTES]; /* of instance and certificate served */
};

/* Answers of the two ticket callbacks, ssl(7): SSL_CTX_set_tlsext_ticket_key_evp_cb. */
enum { KEY_FAILED = -1, KEY_NONE = 0, KEY_GOOD = 1, KEY_GOOD_BUT_RENEW = 2 };

/* ---- birth ---- */

static bool bound_of(const struct tls_peer *peer, uint8_t ret[BOUND_BYTES])
{
        const char *instance = peer->ctx->instance;
        uint8_t all[SHA256_BYTES + INSTANCE_ID_MAX], digest[SHA256_BYTES];
        size_t len = strnlen(instance, INSTANCE_ID_MAX);

        if (peer->served == NULL)
                return false;
        memcpy(all, credential_sha256(peer->served), SHA256_BYTES);
        memcpy(all + SHA256_BYTES, instance, len);
        crypt_sha256(all, SHA256_BYTES + len, digest);
        memcpy(ret, digest, BOUND_BYTES);
        return true;
}

static void birth_write(const struct birth *b, uint8_t ret[APPDATA_BYTES])
{
        uint8_t *p = wr_u8(ret, APPDATA_VERSION);

        p = wr_u32(p, (uint32_t)((uint64_t)b->began >> 32));
        p = wr_u32(p, (uint32_t)b->began);
        (void)wr_bytes(p, b->bound, BOUND_BYTES);
}

static bool birth_read(SSL_SESSION *session, struct birth *ret)
{
        void *data = NULL;
        size_t len = 0;

        if (SSL_SESSION_get0_ticket_appdata(session, &data, &len) != 1)
                return false;
        struct rd in = rd_of(data, len);
        if (rd_u8(&in) != APPDATA_VERSION)
                return false;
        uint64_t high = rd_u32(&in);
        ret->began = (int64_t)(high << 32 | rd_u32(&in));
        struct bytes bound = rd_bytes(&in, BOUND_BYTES);
        if (in.bad || rd_left(&in) != 0)
                return false;
        memcpy(ret->bound, bound.data, BOUND_BYTES);
        return true;
}

/* Seconds that a session which began then may still be resumed for; 0: no more. */
static int64_t life_left(const struct tls_peer *peer, int64_t began)
{
        int64_t now = clock_now(), most = peer->ctx->limits->ticket_s;

        if (began < 0 || began > now + AHEAD_S || now - began >= most)
                return 0;
        return began > now ? most : most - (now - began);
}

static bool asks_for_certificates(const SSL *ssl)
{
        return (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0;
}

/* ---- what goes into a ticket, and what is read of it ---- */

/* SSL_CTX_set_session_ticket_cb, before a ticket is made. A resumed session has the birth of its first
 * handshake and keeps it, with what is left of its life. 0 would end the handshake. */
static int on_make(SSL *ssl, void *arg)
{
        const struct tls_peer *peer = SSL_get_app_data(ssl);
        SSL_SESSION *session = SSL_get_session(ssl);
        uint8_t appdata[APPDATA_BYTES];
        struct birth b;

        (void)arg;
        if (session == NULL || asks_for_certificates(ssl))
                return 1; /* on_key() makes no ticket then */
        if (SSL_session_reused(ssl) == 0 || !birth_read(session, &b)) {
                b.began = SSL_session_reused(ssl) == 0 ? clock_now() : 0; /* 0: never taken */
                if (!bound_of(peer, b.bound))
                        return 1; /* a ticket that says nothing is never taken */
                birth_write(&b, appdata);
                if (SSL_SESSION_set1_ticket_appdata(session, appdata, sizeof(appdata)) != 1)
                        return 0;
        }
        int64_t left = life_left(peer, b.began);
        (void)SSL_SESSION_set_timeout(session,
                                      left > 0 ? (long)left : 1); /* 0 is an internal error of OpenSSL's */
        return 1;
}

/* RFC 6066 §3: not under another name, though the same certificate may serve both. */
static bool same_name(SSL *ssl, const SSL_SESSION *session)
{
        const unsigned char *extension = NULL;
        const char *before = SSL_SESSION_get0_hostname(session);
        struct bytes name = {NULL, 0};
        size_t len = 0;

        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &len) == 1)
                name = sni_read(extension, len);
        return before == NULL ? name.len == 0
                              : strlen(before) == name.len && memcmp(before, name.data, name.len) == 0;
}

static bool is_good(SSL *ssl, SSL_SESSION *session)
{
        const struct tls_peer *peer = SSL_get_app_data(ssl);
        uint8_t bound[BOUND_BYTES];
        struct birth b;

        return session != NULL && !asks_for_certificates(ssl) && SSL_SESSION_get0_peer(session) == NULL &&
               birth_read(session, &b) && bound_of(peer, bound) && memcmp(bound, b.bound, BOUND_BYTES) == 0 &&
               life_left(peer, b.began) > 0 && same_name(ssl, session);
}

/* After a ticket was opened, or could not be. IGNORE_RENEW is a full handshake with a new ticket. */
static SSL_TICKET_RETURN on_read(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                 SSL_TICKET_STATUS status, void *arg)
{
        (void)name;
        (void)name_len;
        (void)arg;
        if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
                return SSL_TICKET_RETURN_IGNORE_RENEW;
        if (!is_good(ssl, session))
                return SSL_TICKET_RETURN_IGNORE_RENEW;
        /* RFC 8446 §C.4: a client offers a ticket only once, so that its connections cannot be linked. */
        if (status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION)
                return SSL_TICKET_RETURN_USE_RENEW;
        return SSL_TICKET_RETURN_USE;
}

/* ---- keys ---- */

static bool use_key(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int encrypt)
{
        struct ticket_key k = *key; /* OSSL_PARAM takes no const */
        char digest[] = "SHA256";
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.hmac, sizeof(k.hmac)),
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_end()};
        bool used = EVP_MAC_CTX_set_params(mac, params) == 1 &&
                    EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), k.aes, iv, encrypt, NULL) == 1;

        crypt_wipe(&k, sizeof(k));
        return used;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb. */
static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  int encrypt)
{
        const struct tls_peer *peer = SSL_get_app_data(ssl);
        const struct perishables *p = peer->ctx->perishables;
        const struct ticket_key *newest = perishables_ticket_key(p), *key = newest;

        if (peer->ctx->limits->ticket_s == 0 || asks_for_certificates(ssl))
                return KEY_NONE;
        if (encrypt == 0)
                key = perishables_find_ticket_key(p, name);
        if (key == NULL)
                return KEY_NONE;
        if (encrypt != 0) {
                memcpy(name, key->name, TICKET_KEY_NAME_BYTES);
                if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
                        return KEY_FAILED;
        }
        if (!use_key(key, iv, cipher, mac, encrypt))
                return KEY_FAILED;
        return encrypt != 0 || key == newest ? KEY_GOOD : KEY_GOOD_BUT_RENEW;
}

enum err ticket_install(SSL_CTX *tls)
{
        if (SSL_CTX_set_tlsext_ticket_key_evp_cb(tls, on_key) != 1 ||
            SSL_CTX_set_session_ticket_cb(tls, on_make, on_read, NULL) != 1 ||
            SSL_CTX_set_num_tickets(tls, 1) != 1 || SSL_CTX_set_max_early_data(tls, 0) != 1)
                return ERR_INTERNAL;
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        (void)SSL_CTX_clear_options(tls, SSL_OP_NO_TICKET);
        return ERR_OK;
}
