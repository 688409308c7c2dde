/* SPDX-License-Identifier: Apache-2.0 */
/* The server_name extension as a stranger sends it. */
#include "broker/sni.h"
#include "common/domain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
        struct bytes name = sni_read(bytes, size);
        char folded[DOMAIN_SIZE];
        size_t len = 0;

        if (name.len > 0 && (name.data < bytes || name.data + name.len > bytes + size))
                abort();
        if (domain_from_sni(name.data, name.len, folded, &len) &&
            (len == 0 || len > DOMAIN_MAX || strlen(folded) != len))
                abort();
        return 0;
}
