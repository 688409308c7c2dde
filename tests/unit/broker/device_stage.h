/* SPDX-License-Identifier: Apache-2.0 */
/* device_stage: an instance as device_auth() sees it: CAs, inactive and known devices. Everything here ends
 * the test when it fails. */
#ifndef SIGNET_TESTS_DEVICE_STAGE_H
#define SIGNET_TESTS_DEVICE_STAGE_H

#include "broker/device_auth.h"
#include "chain_maker.h"

struct device_stage {
        struct maker made;
        struct snapshot s;
        struct device_table *known;
        int64_t last_ca;
        struct device_identity id; /* of the last device that was let in */
};

void stage_init(struct device_stage *st);
void stage_done(struct device_stage *st);

/* ---- certificates ---- */

struct holder stage_ca(struct device_stage *st,
                       const char *subject); /* made, with key identifiers; not registered */
struct holder stage_device(struct device_stage *st, const struct holder *issuer); /* by the vendor's recipe */

/* ---- what is registered ---- */

int64_t stage_register(struct device_stage *st, const struct holder *ca); /* active; returns its ID */
void stage_set_active(struct device_stage *st, int64_t ca, bool active);
void stage_remove(struct device_stage *st, int64_t ca);
/* Gives the CA a list with this number. */
void stage_revoke(struct device_stage *st, int64_t ca, const struct holder *issuer, const X509 *revoked);
void stage_know(struct device_stage *st, X509 *device, int64_t ca, bool verified);
bool stage_is_verified(struct device_stage *st, X509 *device);
void stage_set_inactive(struct device_stage *st, X509 *device, bool inactive);
void stage_set_removed(struct device_stage *st, X509 *device);

/* ---- questions ---- */

/* The device with this certificate; then intermediates that it presents, ended by NULL. */
#define ask(st, ...) ask_at(st, NOW, __VA_ARGS__, NULL)
enum refusal ask_at(struct device_stage *st, int64_t now, X509 *leaf, ...);

/* Tells the names apart when it fails. */
#define cr_answers(answer, expected)                                                                         \
        do {                                                                                                 \
                enum refusal answer_ = (answer);                                                             \
                cr_expect(answer_ == (expected), "answer: %s", refusal_table[answer_].label);                \
        } while (0)

#endif
