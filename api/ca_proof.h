/* SPDX-License-Identifier: Apache-2.0 */
/* ca_proof: whether a CA certificate may be registered: what it is, and whether the verification certificate
 * proves that its private key is in the caller's hands. Finds every problem, not the first only. Pure;
 * OpenSSL's error queue is empty when a function returns. */
#ifndef SIGNET_API_CA_PROOF_H
#define SIGNET_API_CA_PROOF_H

#include "api/fault.h"
#include "common/buf.h"
#include "common/crypt.h"
#include "common/err.h"
#include "common/serial.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
        CA_PROBLEMS_MAX = 20, /* more than there are checks */
        CA_WARNINGS_MAX = 8,
        CA_MESSAGE_SIZE = 640,
        CA_SUBJECT_SIZE = 1024,
        REGISTRATION_CODE_SIZE = 65 /* a common name has 64 characters at most (RFC 5280, ub-common-name) */
};

struct ca_problem {
        enum fault_id fault;
        char message[CA_MESSAGE_SIZE];
};

struct ca_proof {
        /* What could not be read is "", 0 or empty. */
        char sn[SERIAL_SIZE];
        char subject[CA_SUBJECT_SIZE]; /* RFC 2253, cut at the end of a character */
        uint8_t sha256[SHA256_BYTES];
        const char *algorithm; /* "RSA", "ECC", "" for others */
        int key_bits;
        int64_t not_before, not_after; /* Unix seconds */
        bool self_signed;
        struct buf ca_der, verification_der;
        char code[REGISTRATION_CODE_SIZE]; /* the common name of the verification certificate */
        struct ca_problem problems[CA_PROBLEMS_MAX];
        int problem_count;
        char warnings[CA_WARNINGS_MAX][CA_MESSAGE_SIZE];
        int warning_count;
};

/* Both texts are PEM. Problems are in the order in which a registration answers with them: the CA, the
 * verification certificate, its common name. ERR_NOMEM; else ERR_OK, also with problems. */
MUST_CHECK enum err ca_proof_read(const char *ca, const char *verification, int64_t now,
                                  struct ca_proof *ret);
void ca_proof_done(struct ca_proof *p);
static inline void cleanup_ca_proof(struct ca_proof *p)
{
        ca_proof_done(p);
}

/* What the database says about a proof. */
struct ca_standing {
        enum { CODE_UNKNOWN, CODE_UNUSED, CODE_USED } code;
        bool counted;                                           /* false: the two below are not known */
        enum { SN_FREE, SN_TAKEN_HERE, SN_TAKEN_ELSEWHERE } sn; /* elsewhere: by the account's */
        int64_t live;                                           /* CA certificates of the instance */
};
/* Adds the problems that come from that; of a code and a serial number only where the proof has one. */
void ca_proof_judge(struct ca_proof *p, const struct ca_standing *s, int64_t live_max);

/* ERR_REFUSED with the first problem; ERR_OK when there is none. */
MUST_CHECK enum err ca_proof_fault(const struct ca_proof *p, struct fault *f);
/* What DryRun answers with in Check; NULL: out of memory. */
json_t *ca_proof_report(const struct ca_proof *p);

#endif
