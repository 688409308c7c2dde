/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates hang on the connection's session, and OpenSSL has no call that takes them off. It has one
 * that exchanges the session, SSL_set_session(), which is safe on a live connection under two conditions:
 *
 * - The context has the method of the version that was agreed on. Else OpenSSL begins anew, as for a client
 *   before its handshake. Hence the connection first moves to a context of just that method: it is asked for
 *   nothing after a handshake but for the digests it has loaded.
 * - There is a session, any. Without one OpenSSL 3.0 takes TLS 1.2 for not yet encrypted. One without a
 *   session ID is in no cache and is never written to, so all connections of all workers share it.
 *
 * After the handshake the session is asked for one thing only, the maximum fragment length (RFC 6066 §4):
 * who has agreed on one keeps his. Keys, key updates included, are the connection's own. */
#include "broker/tls_forget.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { VERSIONS = 2 }; /* TLS 1.2 and 1.3 */

struct spare { /* lives as long as the process */
        SSL_CTX *tls;
        SSL_SESSION *session;
};

static struct spare spares[VERSIONS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool spare_make(struct spare *s, const SSL_METHOD *method)
{
        s->session = SSL_SESSION_new();
        s->tls = s->session == NULL ? NULL : SSL_CTX_new(method);
        if (s->tls != NULL && SSL_CTX_get_ssl_method(s->tls) == method)
                return true;
        SSL_CTX_free(s->tls);
        SSL_SESSION_free(s->session);
        *s = (struct spare){NULL, NULL};
        return false;
}

/* NULL: out of memory. */
static const struct spare *spare_of(const SSL_METHOD *method)
{
        const struct spare *found = NULL;

        pthread_mutex_lock(&lock);
        for (int n = 0; n < VERSIONS && found == NULL; n++)
                if (spares[n].tls == NULL ? spare_make(&spares[n], method)
                                          : SSL_CTX_get_ssl_method(spares[n].tls) == method)
                        found = &spares[n];
        pthread_mutex_unlock(&lock);
        return found;
}

void tls_forget_client(SSL *ssl)
{
        const struct spare *s;

        if (ssl == NULL || !SSL_is_init_finished(ssl) || SSL_get0_peer_certificate(ssl) == NULL ||
            SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl)) != TLSEXT_max_fragment_length_DISABLED)
                return;
        s = spare_of(SSL_get_ssl_method(ssl));
        if (s != NULL && SSL_set_SSL_CTX(ssl, s->tls) == s->tls)
                (void)SSL_set_session(ssl, s->session);
}
