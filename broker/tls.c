/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tls.h"

#include "broker/sni.h"
#include "broker/staple.h"
#include "broker/ticket.h"
#include "broker/tls_socket.h"
#include "common/clock.h"
#include "common/crypt.h"
#include "common/serial.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 9325 §4.2: forward secrecy and AEAD only. */
static const char ciphers_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

enum { CLIENT_CHAIN_BYTES_MAX = 16 * 1024 };

static int refuse(struct tls_peer *peer, enum refusal why, int *ret_alert, int alert)
{
        peer->refusal = why;
        *ret_alert = alert;
        return SSL_CLIENT_HELLO_ERROR;
}

/* ---- what a session may be resumed for ---- */

/* The certificate is in it, so one that is replaced is seen by the next handshake. */
static bool set_session_context(SSL *ssl, const struct tls_peer *peer)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(512);
        uint8_t digest[SHA256_BYTES];
        uint8_t mode = (uint8_t)peer->ctx->snapshot->mode;

        if (buf_add(&text, peer->ctx->instance, strlen(peer->ctx->instance) + 1) != ERR_OK ||
            buf_add(&text, peer->listener, strlen(peer->listener) + 1) != ERR_OK ||
            buf_add(&text, &mode, sizeof mode) != ERR_OK ||
            buf_add(&text, credential_sha256(peer->served), SHA256_BYTES) != ERR_OK)
                return false;
        crypt_sha256(text.data, text.len, digest);
        return SSL_set_session_id_context(ssl, digest, sizeof digest) == 1;
}

/* For both modes in full: after a HelloRetryRequest the callback comes again, perhaps in another mode. */
static bool set_mode(SSL *ssl, const struct context *ctx)
{
        bool mutual = ctx->snapshot->mode == AUTH_MUTUAL;
        bool tickets = !mutual && ctx->limits->ticket_s > 0 && ctx->perishables != NULL &&
                       perishables_ticket_key(ctx->perishables) != NULL;

        SSL_set_verify(ssl, mutual ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
                       NULL);
        if (tickets)
                SSL_clear_options(ssl, SSL_OP_NO_TICKET);
        else
                SSL_set_options(ssl, SSL_OP_NO_TICKET);
        return SSL_set_num_tickets(ssl, tickets ? 1 : 0) == 1;
}

/* ---- callbacks ---- */

/* SSL_CTX_set_client_hello_cb: before anything is decided, resumption included. */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
        struct tls_peer *peer = SSL_get_app_data(ssl);
        const struct snapshot *s = peer->ctx->snapshot;
        const unsigned char *extension = NULL;
        struct bytes name = {NULL, 0};
        struct credential *chosen;
        size_t len = 0;

        (void)arg;
        if (s == NULL)
                return refuse(peer, REFUSAL_NO_CONFIGURATION, alert, SSL_AD_UNRECOGNIZED_NAME);
        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &len) == 1)
                name = sni_read(extension, len);
        chosen = snapshot_credential(s, name.data, name.len, &peer->named);
        if (chosen == NULL)
                return refuse(peer, REFUSAL_NAME_UNKNOWN, alert, SSL_AD_UNRECOGNIZED_NAME);
        (void)credential_unref(peer->served);
        peer->served = credential_ref(chosen);
        peer->served_id = credential_id(chosen);
        if (!set_session_context(ssl, peer) || !set_mode(ssl, peer->ctx))
                return refuse(peer, REFUSAL_NO_MEMORY, alert, SSL_AD_INTERNAL_ERROR);
        return SSL_CLIENT_HELLO_SUCCESS;
}

/* With a servername callback in place OpenSSL acknowledges the name (RFC 6066 §3: an empty server_name
 * extension). */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
        (void)ssl;
        (void)alert;
        (void)arg;
        return SSL_TLSEXT_ERR_OK;
}

static int on_certificate(SSL *ssl, void *arg)
{
        struct tls_peer *peer = SSL_get_app_data(ssl);
        struct credential_parsed parsed;

        (void)arg;
        if (credential_cache_get(peer->ctx->credentials, peer->served, &parsed) != ERR_OK) {
                peer->refusal = REFUSAL_SERVER_CERTIFICATE;
                return 0;
        }
        return SSL_use_cert_and_key(ssl, parsed.leaf, parsed.key, parsed.chain, 1);
}

/* SSL_CTX_set_cert_verify_callback: instead of X509_verify_cert(). The signature that proves the device has
 * the key is OpenSSL's business, afterwards. */
static int on_device_certificate(X509_STORE_CTX *store, void *arg)
{
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        struct tls_peer *peer = SSL_get_app_data(ssl);
        struct context *ctx = peer->ctx;
        X509 *leaf = X509_STORE_CTX_get0_cert(store);
        char sn[SERIAL_SIZE];

        (void)arg;
        if (serial_of(leaf, sn) == ERR_OK && peer->device_sn == NULL)
                peer->device_sn = strdup(sn); /* without memory it is not there: it is for people */
        free(peer->device);
        peer->device = calloc(1, sizeof *peer->device);
        peer->refusal = peer->device == NULL ? REFUSAL_NO_MEMORY
                                             : device_auth(ctx->snapshot, ctx->known, leaf,
                                                           X509_STORE_CTX_get0_untrusted(store), clock_now(),
                                                           peer->device);
        if (peer->refusal == REFUSAL_NONE) {
                X509_STORE_CTX_set_error(store, X509_V_OK);
                return 1;
        }
        free(peer->device);
        peer->device = NULL;
        X509_STORE_CTX_set_error(store, refusal_table[peer->refusal].verify_error);
        return 0;
}

/* SSL_CTX_set_msg_callback: each message as it comes. What OpenSSL has read already it uses, and no more. */
static void on_message(int sent, int version, int kind, const void *bytes, size_t len, SSL *ssl, void *arg)
{
        struct tls_peer *peer;

        (void)version, (void)arg;
        if (sent || kind != SSL3_RT_HANDSHAKE || len == 0 || *(const uint8_t *)bytes != SSL3_MT_KEY_UPDATE)
                return;
        peer = SSL_get_app_data(ssl);
        if (++peer->key_updates > TLS_KEY_UPDATES_MAX)
                tls_socket_drain(ssl);
}

bool tls_changes_keys_too_often(struct tls_peer *peer, uint64_t now_ms)
{
        if (peer->key_updates > TLS_KEY_UPDATES_MAX)
                return true;
        if (now_ms - peer->key_updates_since_ms >= TLS_KEY_UPDATES_MS) {
                peer->key_updates = 0;
                peer->key_updates_since_ms = now_ms;
        }
        return false;
}

/* ---- life ---- */

static enum err set_policy(SSL_CTX *tls)
{
        if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_cipher_list(tls, ciphers_1_2) != 1)
                return ERR_INTERNAL;
        SSL_CTX_set_security_level(tls, DEVICE_SECURITY_LEVEL);
        SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(tls, 1); /* a record in one read(2), not two; see conn_io_pending() */
        SSL_CTX_set_max_cert_list(tls, CLIENT_CHAIN_BYTES_MAX);
        staple_install(tls);
        return ticket_install(tls);
}

enum err tls_context_new(struct context *ctx, SSL_CTX **ret)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        enum err e;

        (void)ctx;
        if (tls == NULL)
                return ERR_NOMEM;
        e = set_policy(tls);
        if (e != ERR_OK) {
                SSL_CTX_free(tls);
                return e;
        }
        SSL_CTX_set_client_hello_cb(tls, on_client_hello, NULL);
        SSL_CTX_set_tlsext_servername_callback(tls, on_server_name);
        SSL_CTX_set_cert_cb(tls, on_certificate, NULL);
        SSL_CTX_set_cert_verify_callback(tls, on_device_certificate, NULL);
        SSL_CTX_set_msg_callback(tls, on_message);
        *ret = tls;
        return ERR_OK;
}

SSL *tls_accept(struct context *ctx, int fd, const char *listener, struct tls_peer *peer)
{
        SSL *ssl = SSL_new(ctx->tls);

        if (ssl == NULL)
                return NULL;
        if (!tls_socket_set(ssl, fd)) {
                SSL_free(ssl);
                return NULL;
        }
        peer->ctx = ctx;
        peer->listener = listener;
        SSL_set_app_data(ssl, peer);
        SSL_set_accept_state(ssl);
        return ssl;
}

void tls_accepted(SSL *ssl, struct tls_peer *peer)
{
        SSL_certs_clear(ssl);
        staple_forget(ssl);
        peer->served = credential_unref(peer->served);
}

/* ---- why not ---- */

static enum refusal refusal_of(const struct tls_peer *peer, unsigned long code)
{
        static const struct {
                int reason; /* SSL_R_… */
                enum refusal refusal;
        } known[] = {
                {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, REFUSAL_NO_CERTIFICATE},
                {SSL_R_EXCESSIVE_MESSAGE_SIZE, REFUSAL_CHAIN_TOO_LONG},
                {SSL_R_UNEXPECTED_EOF_WHILE_READING, REFUSAL_HANDSHAKE_LEFT},
        };

        if (peer->refusal != REFUSAL_NONE)
                return peer->refusal;
        for (size_t n = 0; n < sizeof known / sizeof known[0]; n++)
                if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == known[n].reason)
                        /* before the ClientHello has been read there is no chain to be too long */
                        return known[n].refusal == REFUSAL_CHAIN_TOO_LONG && peer->served == NULL
                                       ? REFUSAL_TLS_PROTOCOL
                                       : known[n].refusal;
        return code == 0 ? REFUSAL_HANDSHAKE_LEFT : REFUSAL_TLS_PROTOCOL;
}

enum refusal tls_failure(const struct tls_peer *peer, char *text, size_t len)
{
        unsigned long code = ERR_peek_error();
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
        enum refusal refusal = refusal_of(peer, code);

        snprintf(text, len, "tls: %s%s%s", refusal_table[refusal].text,
                 refusal == REFUSAL_TLS_PROTOCOL && reason != NULL ? ": " : "",
                 refusal == REFUSAL_TLS_PROTOCOL && reason != NULL ? reason : "");
        ERR_clear_error();
        return refusal;
}
