/* SPDX-License-Identifier: Apache-2.0 */
/* conf: settings from the environment, described by one table a program. `--help` prints the table. */
#ifndef SIGNET_COMMON_CONF_H
#define SIGNET_COMMON_CONF_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum setting_type {
        SETTING_INT,  /* int64_t, within [min, max] */
        SETTING_TEXT, /* char *; owned by the settings struct until conf_done */
        SETTING_BOOL  /* bool; 1/0, true/false, yes/no, on/off */
};

struct setting {
        const char *name; /* environment variable */
        enum setting_type type;
        size_t offset;             /* offsetof() in the program's settings struct */
        const char *default_value; /* "" is none */
        int64_t min, max;          /* SETTING_INT only */
        const char *help;          /* one line, with the unit */
};

/* Fills `settings` from the environment. On ERR_SYNTAX `why` (256 bytes) names the variable and what is
 * wrong. */
MUST_CHECK enum err conf_read(const struct setting *table, size_t count, void *settings, char why[256]);
void conf_done(const struct setting *table, size_t count, void *settings);
void conf_help(const struct setting *table, size_t count, FILE *out);

enum { CONF_HOST_SIZE = 64, CONF_ADDRESS_SIZE = CONF_HOST_SIZE + 16 };

struct conf_address { /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8883"; port 0 lets the system choose */
        char host[CONF_HOST_SIZE];
        int port;
};
MUST_CHECK enum err conf_address(const char *text, struct conf_address *ret);
/* The same back again, of a name as well; cut when `host` is longer than a conf_address has. */
void conf_address_text(const char *host, int port, char ret[CONF_ADDRESS_SIZE]);
/* Where something that listens on `host` is reached on this machine: on all addresses means on the loopback.
 * Borrowed, or static. */
const char *conf_reachable(const char *host);

/* Becomes `user` (name or number) with its groups; nothing when user is "" or is who runs. ERR_REFUSED when
 * not root, ERR_NOT_FOUND for an unknown user. Call after listening sockets and key files are opened, before
 * threads. */
MUST_CHECK enum err conf_drop_privileges(const char *user);

#endif
