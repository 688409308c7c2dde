/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tls.h"

#include "broker/sni.h"

#include <openssl/err.h>
#include <stdio.h>

/* RFC 9325 §4.2: forward secrecy and AEAD only. */
static const char ciphers_1_2[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

enum { CLIENT_CHAIN_BYTES_MAX = 16 * 1024 };

const char *tls_refusal(const struct snapshot *s)
{
        return s != NULL && s->mode == AUTH_MUTUAL ? SNAPSHOT_MUTUAL_REFUSED : NULL;
}

static int refuse(struct tls_peer *peer, const char *why, int *ret_alert, int alert)
{
        peer->refusal = why;
        *ret_alert = alert;
        return SSL_CLIENT_HELLO_ERROR;
}

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
                return refuse(peer, "no configuration loaded yet", alert, SSL_AD_UNRECOGNIZED_NAME);
        if (tls_refusal(s) != NULL)
                return refuse(peer, tls_refusal(s), alert, SSL_AD_HANDSHAKE_FAILURE);
        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &len) == 1)
                name = sni_read(extension, len);
        chosen = snapshot_credential(s, name.data, name.len);
        if (chosen == NULL)
                return refuse(peer, "no certificate for this name", alert, SSL_AD_UNRECOGNIZED_NAME);
        (void)credential_unref(peer->served);
        peer->served = credential_ref(chosen);
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
                peer->refusal = "the certificate cannot be parsed";
                return 0;
        }
        return SSL_use_cert_and_key(ssl, parsed.leaf, parsed.key, parsed.chain, 1);
}

enum err tls_context_new(struct context *ctx, SSL_CTX **ret)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

        (void)ctx;
        if (tls == NULL)
                return ERR_NOMEM;
        if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1 ||
            SSL_CTX_set_cipher_list(tls, ciphers_1_2) != 1 || SSL_CTX_set_num_tickets(tls, 0) != 1) {
                SSL_CTX_free(tls);
                return ERR_INTERNAL;
        }
        SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_read_ahead(tls, 1); /* a record in one read(2), not two; see conn_io_pending() */
        SSL_CTX_set_max_cert_list(tls, CLIENT_CHAIN_BYTES_MAX);
        SSL_CTX_set_client_hello_cb(tls, on_client_hello, NULL);
        SSL_CTX_set_tlsext_servername_callback(tls, on_server_name);
        SSL_CTX_set_cert_cb(tls, on_certificate, NULL);
        *ret = tls;
        return ERR_OK;
}

SSL *tls_accept(struct context *ctx, int fd, struct tls_peer *peer)
{
        SSL *ssl = SSL_new(ctx->tls);

        if (ssl == NULL)
                return NULL;
        if (SSL_set_fd(ssl, fd) != 1) {
                SSL_free(ssl);
                return NULL;
        }
        peer->ctx = ctx;
        SSL_set_app_data(ssl, peer);
        SSL_set_accept_state(ssl);
        return ssl;
}

void tls_accepted(SSL *ssl, struct tls_peer *peer)
{
        SSL_certs_clear(ssl);
        peer->served = credential_unref(peer->served);
}

void tls_failure(const struct tls_peer *peer, char *text, size_t len)
{
        unsigned long code = ERR_peek_error();
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

        if (peer->refusal != NULL)
                snprintf(text, len, "tls: %s", peer->refusal);
        else
                snprintf(text, len, "tls: %s",
                         reason != NULL ? reason : "closed by the client during the handshake");
        ERR_clear_error();
}
