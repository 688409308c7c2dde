/* SPDX-License-Identifier: Apache-2.0 */
/* params_name: the name of a parameter on the command line, held against what the operation takes. Pure. */
#ifndef SIGNET_CTL_PARAMS_NAME_H
#define SIGNET_CTL_PARAMS_NAME_H

#include "common/err.h"
#include "ctl/catalog.h"
#include "ctl/failure.h"

#include <stddef.h>

struct params_name {
        const char *text; /* as given, without "--"; borrowed */
        size_t len;
        const struct catalog_parameter *parameter;
        const char *member; /* of a list's items; the key in its schema. NULL: none */
};

/* `text` is not ended by a NUL. A failure names what is wrong and the nearest name. */
MUST_CHECK enum err params_name_read(const struct catalog_operation *op, const char *text, size_t len,
                                     struct params_name *ret, struct failure *f);

#endif
