/* SPDX-License-Identifier: Apache-2.0 */
/* custom_auth: what the operations of custom authentication (AddCustomAuth…, UpdateCustomAuth…,
 * DeleteCustomAuth…, QueryCustomAuth…) have in common. */
#ifndef SIGNET_API_CUSTOM_AUTH_H
#define SIGNET_API_CUSTOM_AUTH_H

#include "api/operation.h"
#include "api/page_token.h"
#include "api/store_custom.h"
#include "common/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Place of a parameter's value in `names`, which is where the tables keep it; -1 when it is not given. The
 * document lets only these through. */
int custom_auth_choice(const struct op_call *call, const char *parameter, const char *const *names,
                       size_t count);

/* Refuses control characters in the parameter. */
MUST_CHECK enum err custom_auth_check_text(struct op_call *call, const char *parameter);

/* Of a change that a store_custom_… has made, or not. `parameter` is the one that names the row. */
MUST_CHECK enum err custom_auth_changed(struct op_call *call, enum err e, const char *parameter,
                                        int64_t revision);

/* Reads Size and NextToken (of `columns` columns) into `ret`, whose key then borrows from `key`. */
MUST_CHECK enum err custom_auth_page(struct op_call *call, size_t columns, struct page_key *key,
                                     struct custom_page *ret);
/* Answers with the page. */
MUST_CHECK enum err custom_auth_answer(struct op_call *call, const struct custom_page *page);

#endif
