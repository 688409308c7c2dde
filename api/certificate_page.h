/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_page: what ListUserCertificateOrder and ListCertificates have in common: Keyword, CurrentPage
 * and ShowSize, and a status that stands for how much time a certificate has left. */
#ifndef SIGNET_API_CERTIFICATE_PAGE_H
#define SIGNET_API_CERTIFICATE_PAGE_H

#include "api/certificate.h"
#include "api/operation.h"
#include "api/store_certificate.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CERTIFICATE_WILL_EXPIRE_S = 30 * DAY_SECONDS };

struct certificate_status {
        const char *name; /* as the operation calls it; "" when none is asked for */
        int64_t least_left_s, under_left_s;
};

/* The filter of the call for the row of `known` that is called `status`. False when no row is: no certificate
 * can match. */
bool certificate_page_filter(const struct op_call *call, const struct certificate_status *known, size_t count,
                             const char *status, int64_t now, struct certificate_filter *ret);
/* Adds CurrentPage, ShowSize and TotalCount to the answer. */
MUST_CHECK enum err certificate_page_answer(struct op_call *call, int64_t total);

#endif
