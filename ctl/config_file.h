/* SPDX-License-Identifier: Apache-2.0 */
/* config_file: the configuration of an instance as one text file (docs/signetctl.md has the format). In
 * memory it is a JSON object of the same shape:
 *
 *   SignetConfiguration  1, the version of the format
 *   MqttInstanceId, InstanceName, Edition, AuthenticationMode, LoginRequired
 *   DefaultCertificate   null, or {Certificate, Sha256}
 *   Domains              {<domain>: {Certificate, Sha256}}
 *   CaCertificates       {<Sn>: {CaName, Status, CaContent}}
 *   ServerCertificates   {<name>: {Sha256, KeyEncrypted, Tags, KeyFile, PasswordFile, PasswordEnvironment,
 * Cert}}
 *
 * Pure. */
#ifndef SIGNET_CTL_CONFIG_FILE_H
#define SIGNET_CTL_CONFIG_FILE_H

#include "common/buf.h"
#include "common/err.h"
#include "ctl/failure.h"

#include <jansson.h>
#include <stddef.h>

enum {
        CONFIG_VERSION = 1,
        CONFIG_TEXT_MAX = 512 * 1024 * 1024,
        CONFIG_DOMAINS_MAX = 200000,
        CONFIG_CERTIFICATES_MAX = 200000,
        CONFIG_CAS_MAX = 100000
};

/* Appends. Always the same text for the same content: keys in order, a line an entry. */
MUST_CHECK enum err config_write(const json_t *config, struct buf *ret);
/* Everything in it is of its type and within its limits afterwards, domains and hashes in their canonical
 * form, every PEM readable and of the SHA-256 that stands beside it. A failure (EXIT_USAGE) names the line,
 * or the entry and its field. */
MUST_CHECK enum err config_read(const char *text, size_t len, json_t **ret, struct failure *f);

#endif
