/* SPDX-License-Identifier: Apache-2.0 */
/* listener_plan: which listeners there are to be, by the settings, and what their connections are like. */
#ifndef SIGNET_BROKER_LISTENER_PLAN_H
#define SIGNET_BROKER_LISTENER_PLAN_H

#include "broker/listener_kind.h"
#include "broker/settings.h"
#include "broker/ws_upgrade.h"
#include "common/err.h"

struct listener_plan {
        int count;
        struct listener_kind kinds[LISTENERS_MAX];
        const char *addresses[LISTENERS_MAX]; /* the settings' */
        struct address_set *balancers;
        struct ws_rules rules;
        const char *origins[WS_ORIGINS_MAX];
        char *origin_text; /* what they point into */
};

/* ERR_SYNTAX, ERR_REFUSED, ERR_LIMIT with `why`. The plan points into itself and into the settings: neither
 * moves nor goes before the connections. */
MUST_CHECK enum err listener_plan_make(const struct broker_settings *s, struct listener_plan *ret,
                                       char why[256]);
void listener_plan_done(struct listener_plan *p);

#endif
