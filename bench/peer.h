/* SPDX-License-Identifier: Apache-2.0 */
/* peer: the address a generator talks to, its TLS side, and the server names it asks for. */
#ifndef SIGNET_BENCH_PEER_H
#define SIGNET_BENCH_PEER_H

#include "bench/options.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PEER_NAMES_MAX = 1000000, PEER_NAME_MAX = 253 };

struct peer_address {
        struct sockaddr_storage storage;
        socklen_t len;
        struct in_addr source; /* IPv4 only; 0.0.0.0: what the system takes */
        int receive_buffer;    /* SO_RCVBUF of new sockets; 0: what the system gives */
};

/* "127.0.0.1:8883", "[::1]:8883", "localhost:8883". */
static inline struct peer_address peer_address(const char *text)
{
        char host[256];
        const char *colon = strrchr(text, ':');
        size_t len = colon != NULL ? (size_t)(colon - text) : 0;
        struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
        struct peer_address address = {.len = 0};

        if (colon == NULL || len == 0 || len >= sizeof host)
                errx(EXIT_USAGE, "%s: not host:port", text);
        bool bracketed = text[0] == '[' && text[len - 1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(bracketed ? len - 2 : len), bracketed ? text + 1 : text);
        int why = getaddrinfo(host, colon + 1, &wanted, &found);
        if (why != 0)
                errx(EXIT_USAGE, "%s: %s", text, gai_strerror(why));
        memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
        address.len = found->ai_addrlen;
        freeaddrinfo(found);
        return address;
}

/* From here on connections come from `text`, "127.0.0.2": each source has its own 28,000 ports. */
static inline void peer_come_from(struct peer_address *a, const char *text)
{
        if (text[0] != '\0' && (a->storage.ss_family != AF_INET || inet_pton(AF_INET, text, &a->source) != 1))
                errx(EXIT_USAGE, "--source %s: not an IPv4 address, or the server's is none", text);
}

/* The port is chosen when it connects, so that only the whole of addresses and ports must be new. */
static inline bool peer_bind(int fd, const struct peer_address *a)
{
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = a->source};
        int one = 1;

        return a->source.s_addr == 0 ||
               (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) == 0 &&
                bind(fd, (const struct sockaddr *)&from, sizeof from) == 0);
}

/* A connecting socket. `type_flags` is SOCK_NONBLOCK or 0. -1 with errno; EINPROGRESS is no failure. */
static inline int peer_connect(const struct peer_address *a, int type_flags)
{
        int one = 1;
        int fd = socket(a->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | type_flags, 0);

        if (fd < 0)
                return -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (a->receive_buffer > 0)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &a->receive_buffer, sizeof a->receive_buffer);
        if (peer_bind(fd, a) &&
            (connect(fd, (const struct sockaddr *)&a->storage, a->len) == 0 || errno == EINPROGRESS))
                return fd;
        int why = errno;
        close(fd);
        errno = why;
        return -1;
}

/* So that close() sends RST and leaves nothing in TIME_WAIT. */
static inline void peer_reset_on_close(int fd)
{
        struct linger now = {.l_onoff = 1, .l_linger = 0};

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* The first error of OpenSSL's queue, which is emptied. */
static inline const char *peer_tls_why(void)
{
        static char text[256];
        unsigned long code = ERR_get_error();

        if (code == 0)
                return "closed by the peer";
        ERR_error_string_n(code, text, sizeof text);
        ERR_clear_error();
        return text;
}

/* version "1.2", "1.3" or "" (both); cafile "" does not verify; cert "" presents none. No resumption. */
static inline SSL_CTX *peer_tls_context(const char *version, const char *cafile, const char *cert,
                                        const char *key)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        bool only12 = strcmp(version, "1.2") == 0, only13 = strcmp(version, "1.3") == 0;

        if (ctx == NULL)
                errx(EXIT_USAGE, "SSL_CTX_new: %s", peer_tls_why());
        if (version[0] != '\0' && !only12 && !only13)
                errx(EXIT_USAGE, "--tls takes 1.2 or 1.3");
        SSL_CTX_set_min_proto_version(ctx, only13 ? TLS1_3_VERSION : TLS1_2_VERSION);
        SSL_CTX_set_max_proto_version(ctx, only12 ? TLS1_2_VERSION : TLS1_3_VERSION);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        /* A connection that ends without close_notify has ended; why is not a TLS error. */
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        if (cafile[0] != '\0') {
                if (SSL_CTX_load_verify_file(ctx, cafile) != 1)
                        errx(EXIT_USAGE, "%s: %s", cafile, peer_tls_why());
                SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        }
        if (cert[0] != '\0' && (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
                                SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1))
                errx(EXIT_USAGE, "%s, %s: %s", cert, key, peer_tls_why());
        return ctx;
}

/* A client's SSL on `fd` that asks for `name` (NULL: no SNI) and, when the context verifies, demands it. */
static inline SSL *peer_tls_new(SSL_CTX *ctx, int fd, const char *name)
{
        SSL *ssl = SSL_new(ctx);

        if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
                errx(EXIT_USAGE, "SSL_new: %s", peer_tls_why());
        SSL_set_connect_state(ssl);
        if (name != NULL && SSL_set_tlsext_host_name(ssl, name) != 1)
                errx(EXIT_USAGE, "SNI %s: %s", name, peer_tls_why());
        if (name != NULL && SSL_CTX_get_verify_mode(ctx) != SSL_VERIFY_NONE && SSL_set1_host(ssl, name) != 1)
                errx(EXIT_USAGE, "SNI %s: %s", name, peer_tls_why());
        return ssl;
}

struct peer_names {
        char *text; /* owns the names */
        const char **names;
        size_t count;
};

static inline void peer_names_add(struct peer_names *n, const char *name)
{
        if (strlen(name) > PEER_NAME_MAX)
                errx(EXIT_USAGE, "a server name is longer than %d bytes", PEER_NAME_MAX);
        if (n->count >= PEER_NAMES_MAX)
                errx(EXIT_USAGE, "more than %d server names", PEER_NAMES_MAX);
        if ((n->count & (n->count - 1)) == 0) { /* a power of two: full */
                size_t room = n->count == 0 ? 1 : n->count * 2;
                n->names = realloc(n->names, room * sizeof *n->names);
                if (n->names == NULL)
                        err(EXIT_USAGE, "server names");
        }
        n->names[n->count++] = name;
}

/* Names separated by any of `separators`; takes `text`. */
static inline void peer_names_split(struct peer_names *n, char *text, const char *separators)
{
        char *at = text, *name = NULL;

        n->text = text;
        while ((name = strsep(&at, separators)) != NULL)
                if (name[0] != '\0')
                        peer_names_add(n, name);
}

/* One name a line, at most 256 MiB. */
static inline void peer_names_from_file(struct peer_names *n, const char *path)
{
        FILE *in = fopen(path, "re");
        long size = -1;

        if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) < 0 ||
            fseek(in, 0, SEEK_SET) != 0)
                err(EXIT_USAGE, "%s", path);
        if (size > 256L * 1024 * 1024)
                errx(EXIT_USAGE, "%s: too large", path);
        char *text = calloc((size_t)size + 1, 1);
        if (text == NULL || fread(text, 1, (size_t)size, in) != (size_t)size)
                err(EXIT_USAGE, "%s", path);
        fclose(in);
        peer_names_split(n, text, "\r\n");
}

static inline void peer_names_from_text(struct peer_names *n, const char *list)
{
        char *text = strdup(list);

        if (text == NULL)
                err(EXIT_USAGE, "server names");
        peer_names_split(n, text, ",");
}

static inline void peer_names_done(struct peer_names *n)
{
        free(n->names);
        free(n->text);
        *n = (struct peer_names){NULL, NULL, 0};
}

#endif
