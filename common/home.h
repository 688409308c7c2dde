/* SPDX-License-Identifier: Apache-2.0 */
/* home: what is left empty in the settings is derived from SIGNET_HOME, for both programs in the same way. */
#ifndef SIGNET_COMMON_HOME_H
#define SIGNET_COMMON_HOME_H

#include "common/err.h"

struct home_settings {  /* fields of the program's settings (common/conf.h): heap texts, replaced where needed
                         */
        char **home;    /* becomes absolute */
        char **run_dir; /* "": <home>/run; absolute; the target of a link when the path is too long for a
                           socket */
        char **master_key_file; /* "": <home>/master.key */
        char **database_url;    /* "": the private cluster, as `role` */
};

/* ERR_NOMEM, ERR_LIMIT (a path over PATH_MAX) or ERR_IO (no working directory). */
MUST_CHECK enum err home_derive(const struct home_settings *s, const char *role);

#endif
