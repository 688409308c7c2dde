/* SPDX-License-Identifier: Apache-2.0 */
/* group_tags: the tags of a call about groups. Older SDKs send them as one JSON text (Tags), newer ones as a
 * list (Tag.1.Key, Tag.1.Value); both may be there. */
#ifndef SIGNET_API_GROUP_TAGS_H
#define SIGNET_API_GROUP_TAGS_H

#include "api/operation.h"
#include "common/err.h"

#include <jansson.h>

enum { GROUP_TAGS_MAX = 20, GROUP_TAG_KEY_MAX = 128, GROUP_TAG_VALUE_MAX = 128 }; /* characters */

/* An object: key → value. Where no value was given it is `otherwise`, null for NULL. ERR_REFUSED: the fault
 * is set. The caller has a reference. */
MUST_CHECK enum err group_tags_read(struct op_call *call, const char *otherwise, json_t **ret);

#endif
