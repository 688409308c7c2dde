/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup: ownership in the declaration. CLEANUP(xp) calls x's cleaner when the variable leaves its scope;
 * TAKE(p) gives the pointer away and leaves NULL behind. A destructor takes NULL and returns NULL. */
#ifndef SIGNET_COMMON_CLEANUP_H
#define SIGNET_COMMON_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(kind) __attribute__((cleanup(cleanup_##kind)))
#define TAKE(p)                                                                                              \
        __extension__({                                                                                      \
                __auto_type taken_ = (p);                                                                    \
                (p) = NULL;                                                                                  \
                taken_;                                                                                      \
        })

/* Defines cleanup_<kind>() for variables of `type`, calling fn(v) unless v is NULL. */
#define CLEANUP_DEFINE(kind, type, fn)                                                                       \
        static inline void cleanup_##kind(type *v)                                                           \
        {                                                                                                    \
                if (*v != NULL)                                                                              \
                        (void)fn(*v);                                                                        \
        }

CLEANUP_DEFINE(freep, char *, free) /* CLEANUP(freep) char *text */

static inline void cleanup_fd(int *fd) /* CLEANUP(fd) int socket = -1 */
{
        if (*fd >= 0)
                close(*fd);
}

#endif
