/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tls_socket.h"

#include <openssl/bio.h>
#include <pthread.h>
#include <stdint.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* the socket's, but for its read; lives as long as the process */
static int method_type;
static int (*socket_read)(BIO *, char *, int);

/* What is left is kept as the BIO's pointer. */
static int few_reads(BIO *b, char *out, int len)
{
        uintptr_t left = (uintptr_t)BIO_get_data(b);

        if (left == 0) {
                BIO_clear_retry_flags(b);
                BIO_set_retry_read(b);
                return -1;
        }
        BIO_set_data(b, (void *)(left - 1));
        return socket_read(b, out, len);
}

static void make_method(void)
{
        const BIO_METHOD *plain = BIO_s_socket();
        int index = BIO_get_new_index();
        BIO_METHOD *made;

        method_type = index | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR;
        made = index < 0 ? NULL : BIO_meth_new(method_type, "few reads");
        if (made == NULL)
                return;
        socket_read = BIO_meth_get_read(plain);
        if (socket_read == NULL || BIO_meth_set_read(made, few_reads) != 1 ||
            BIO_meth_set_write(made, BIO_meth_get_write(plain)) != 1 ||
            BIO_meth_set_puts(made, BIO_meth_get_puts(plain)) != 1 ||
            BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(plain)) != 1 ||
            BIO_meth_set_create(made, BIO_meth_get_create(plain)) != 1 ||
            BIO_meth_set_destroy(made, BIO_meth_get_destroy(plain)) != 1)
                BIO_meth_free(made);
        else
                method = made;
}

bool tls_socket_set(SSL *ssl, int fd)
{
        BIO *b;

        (void)pthread_once(&once, make_method);
        b = method == NULL ? NULL : BIO_new(method);
        if (b == NULL)
                return false;
        (void)BIO_set_fd(b, fd, BIO_NOCLOSE);
        SSL_set_bio(ssl, b, b);
        return true;
}

static void set_left(SSL *ssl, uintptr_t left)
{
        BIO *b = SSL_get_rbio(ssl);

        if (b != NULL && method != NULL && BIO_method_type(b) == method_type)
                BIO_set_data(b, (void *)left);
}

void tls_socket_refill(SSL *ssl)
{
        set_left(ssl, TLS_SOCKET_READS);
}

void tls_socket_drain(SSL *ssl)
{
        set_left(ssl, 0);
}
