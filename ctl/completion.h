/* SPDX-License-Identifier: Apache-2.0 */
/* completion: what the last word of a command line can become. The shells' scripts ask `signetctl complete`
 * for it, so they know nothing themselves. */
#ifndef SIGNET_CTL_COMPLETION_H
#define SIGNET_CTL_COMPLETION_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/catalog.h"
#include "ctl/exit.h"
#include "ctl/options.h"
#include "ctl/settings.h"

enum { COMPLETION_MAX = 256 * 1024 };

/* words[0] is the program, the last one is to be completed and may be "". Appends lines: first "words",
 * "files", "folders" or "at-files" (a file behind an '@'), then, for "words", each word that begins as the
 * last one does. `instance` is proposed where an instance's ID is wanted. Pure. */
MUST_CHECK enum err completion_words(const struct catalog *c, const char *instance, int count,
                                     char *const words[], struct buf *ret);

/* arguments: a shell */
enum exit_status completion_run(const struct ctl_settings *settings, const struct options *o);
/* arguments: words */
enum exit_status complete_run(const struct ctl_settings *settings, const struct options *o);

#endif
