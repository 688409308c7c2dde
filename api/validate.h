/* SPDX-License-Identifier: Apache-2.0 */
/* validate: a request's parameters against the operation's document. Pure. */
#ifndef SIGNET_API_VALIDATE_H
#define SIGNET_API_VALIDATE_H

#include "api/fault.h"
#include "api/openapi.h"
#include "api/param_set.h"
#include "common/err.h"

/* Looks at every parameter of `op`; fills in defaults. Parameters the document does not know are left alone
 * (the vendor's rule), an empty value is the same as none where the document gives it no sense. ERR_REFUSED
 * with `f`: the Code is of the first wrong parameter in the document's order, the Message names all of them
 * and says what is wrong, never quoting a value. A wrong value's Code is op->invalid. */
MUST_CHECK enum err validate_params(const struct operation_spec *op, struct param_set *params,
                                    struct fault *f);

#endif
