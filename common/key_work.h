/* SPDX-License-Identifier: Apache-2.0 */
/* key_work: how much work the password of an encrypted PKCS#8 key costs (RFC 8018 PBES1 and PBES2 with
 * PBKDF2; RFC 7914 scrypt). The key's own header says so, and whoever uploads it writes that header: without
 * a limit one upload could keep a thread busy for hours. Pure. */
#ifndef SIGNET_COMMON_KEY_WORK_H
#define SIGNET_COMMON_KEY_WORK_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* True when the encryption algorithm of an EncryptedPrivateKeyInfo asks for a bounded amount of work: at most
 * 2,000,000 rounds, or a scrypt N*r*p of at most 2 Mi. False also for parameters that cannot be read.
 * *ret_rounds is then the amount; scrypt's N*r*p takes about as long as that many rounds of PBKDF2. */
bool key_work_is_bounded(const X509_ALGOR *algorithm, uint64_t *ret_rounds);

#endif
