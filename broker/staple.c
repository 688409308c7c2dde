/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/staple.h"

#include "broker/tls_peer.h"
#include "common/clock.h"

/* SSL_CTX_set_tlsext_status_cb: after the certificate is chosen. Nothing here may fail a handshake. */
static int on_status_request(SSL *ssl, void *arg)
{
        const struct tls_peer *peer = SSL_get_app_data(ssl);
        struct bytes response;

        (void)arg;
        if (peer->served == NULL ||
            !perishables_staple(peer->ctx->perishables, credential_id(peer->served), clock_now(), &response))
                return SSL_TLSEXT_ERR_NOACK;
        unsigned char *copy = OPENSSL_memdup(response.data, response.len);
        if (copy == NULL)
                return SSL_TLSEXT_ERR_NOACK;
        (void)SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)response.len); /* takes the copy */
        return SSL_TLSEXT_ERR_OK;
}

void staple_install(SSL_CTX *tls)
{
        (void)SSL_CTX_set_tlsext_status_cb(tls, on_status_request);
}

void staple_forget(SSL *ssl)
{
        (void)SSL_set_tlsext_status_ocsp_resp(ssl, NULL, 0);
}
