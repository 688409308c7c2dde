/* SPDX-License-Identifier: Apache-2.0 */
#include "common/err.h"

#define ERR_TEXT(name, text) [name] = text,
#define ERR_NAME(name, text) [name] = #name,
static const char *const texts[ERR_COUNT] = {ERR_LIST(ERR_TEXT)};
static const char *const names[ERR_COUNT] = {ERR_LIST(ERR_NAME)};

const char *err_text(enum err e)
{
        return (unsigned)e < ERR_COUNT ? texts[e] : "unknown error";
}

const char *err_name(enum err e)
{
        return (unsigned)e < ERR_COUNT ? names[e] : "ERR_UNKNOWN";
}
