/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/sni.h"

enum { SNI_HOST_NAME = 0 };

struct bytes sni_read(const uint8_t *extension, size_t len)
{
        static const struct bytes none = {NULL, 0};
        struct rd outer = rd_of(extension, len);
        struct bytes list = rd_bytes16(&outer);
        struct rd r = rd_of(list.data, list.len);

        if (outer.bad)
                return none;
        while (rd_left(&r) > 0) {
                uint8_t type = rd_u8(&r);
                struct bytes name = rd_bytes16(&r);

                if (r.bad)
                        return none;
                if (type == SNI_HOST_NAME)
                        return name;
        }
        return none;
}
