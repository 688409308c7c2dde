/* SPDX-License-Identifier: Apache-2.0 */
/* credentials: user name and password of a connection: fixed ones, or the product's signature: user
 * "Signature|<AccessKeyId>|<instance>", password base64(HMAC-SHA1(secret, client ID)). */
#ifndef SIGNET_BENCH_CREDENTIALS_H
#define SIGNET_BENCH_CREDENTIALS_H

#include "bench/options.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { CREDENTIAL_MAX = 512 };

struct credentials {
        char user[CREDENTIAL_MAX];
        char password[CREDENTIAL_MAX]; /* when there is no secret */
        char secret[CREDENTIAL_MAX];   /* "": not signed */
};

static inline bool credentials_line(const char *line, const char *name, char ret[CREDENTIAL_MAX])
{
        size_t len = strlen(name), value_len = strcspn(line, "\r\n");

        if (strncmp(line, name, len) != 0 || line[len] != '=' || value_len - len - 1 >= CREDENTIAL_MAX)
                return false;
        snprintf(ret, CREDENTIAL_MAX, "%.*s", (int)(value_len - len - 1), line + len + 1);
        return true;
}

/* `path` is a credentials.env as scripts/up writes it. */
static inline void credentials_sign_with(struct credentials *c, const char *path, const char *instance)
{
        char line[2 * CREDENTIAL_MAX], id[CREDENTIAL_MAX] = "";
        FILE *in = fopen(path, "re");

        if (in == NULL)
                err(EXIT_USAGE, "%s", path);
        while (fgets(line, sizeof line, in) != NULL) {
                (void)credentials_line(line, "ALIBABA_CLOUD_ACCESS_KEY_ID", id);
                (void)credentials_line(line, "ALIBABA_CLOUD_ACCESS_KEY_SECRET", c->secret);
        }
        fclose(in);
        if (id[0] == '\0' || c->secret[0] == '\0')
                errx(EXIT_USAGE, "%s: no ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET", path);
        if (snprintf(c->user, sizeof c->user, "Signature|%s|%s", id, instance) >= (int)sizeof c->user)
                errx(EXIT_USAGE, "access key or instance is too long");
}

static inline const char *credentials_password(const struct credentials *c, const char *client_id,
                                               char ret[CREDENTIAL_MAX])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int len = 0;

        if (c->secret[0] == '\0')
                return c->password;
        if (HMAC(EVP_sha1(), c->secret, (int)strlen(c->secret), (const unsigned char *)client_id,
                 strlen(client_id), digest, &len) == NULL)
                errx(EXIT_USAGE, "HMAC-SHA1 failed");
        EVP_EncodeBlock((unsigned char *)ret, digest, (int)len);
        return ret;
}

#endif
