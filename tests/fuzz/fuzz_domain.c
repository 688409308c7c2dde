/* SPDX-License-Identifier: Apache-2.0 */
/* What domain_canonical gives is its own canonical form, and a client that sends it as SNI finds it. */
#include "common/domain.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check_canonical(const char *name, size_t len)
{
        char once[DOMAIN_SIZE], twice[DOMAIN_SIZE], sni[DOMAIN_SIZE];
        const char *why = NULL;
        size_t sni_len;

        if (domain_canonical(name, len, once, &why) != ERR_OK) {
                if (why == NULL || *why == '\0')
                        abort();
                return;
        }
        if (why != NULL || strlen(once) > DOMAIN_MAX)
                abort();
        if (domain_canonical(once, strlen(once), twice, &why) != ERR_OK || strcmp(once, twice) != 0)
                abort();
        if (once[0] == '*') {
                if (domain_from_sni((const unsigned char *)once, strlen(once), sni, &sni_len))
                        abort();
                return;
        }
        if (!domain_from_sni((const unsigned char *)once, strlen(once), sni, &sni_len))
                abort();
        if (sni_len != strlen(once) || strcmp(once, sni) != 0)
                abort();
}

static void check_sni(const uint8_t *name, size_t len)
{
        char once[DOMAIN_SIZE], twice[DOMAIN_SIZE];
        size_t once_len, twice_len;

        if (!domain_from_sni(name, len, once, &once_len))
                return;
        if (once_len > DOMAIN_MAX || strlen(once) != once_len)
                abort();
        if (!domain_from_sni((const unsigned char *)once, once_len, twice, &twice_len) ||
            strcmp(once, twice) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check_canonical((const char *)data, size);
        check_sni(data, size);
        return 0;
}
