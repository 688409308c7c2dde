/* SPDX-License-Identifier: Apache-2.0 */
#include "common/key_work.h"

#include "common/cleanup.h"

#include <openssl/asn1t.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdint.h>

enum {
        PBKDF2_ROUNDS_MAX = 2000000,      /* OpenSSL writes 2,048, OWASP asks for 600,000 */
        SCRYPT_WORK_MAX = 2 * 1024 * 1024 /* N*r*p; OpenSSL writes 16384*8*1 */
};

CLEANUP_DEFINE(pbe2p, PBE2PARAM *, PBE2PARAM_free)
CLEANUP_DEFINE(pbkdf2p, PBKDF2PARAM *, PBKDF2PARAM_free)
CLEANUP_DEFINE(pbep, PBEPARAM *, PBEPARAM_free)
CLEANUP_DEFINE(scryptp, SCRYPT_PARAMS *, SCRYPT_PARAMS_free)

static bool within(const ASN1_INTEGER *number, uint64_t max, uint64_t *ret)
{
        return number != NULL && ASN1_INTEGER_get_uint64(ret, number) == 1 && *ret >= 1 && *ret <= max;
}

static bool pbkdf2_is_bounded(const ASN1_TYPE *parameter, uint64_t *ret_rounds)
{
        CLEANUP(pbkdf2p) PBKDF2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), parameter);

        return p != NULL && within(p->iter, PBKDF2_ROUNDS_MAX, ret_rounds);
}

static bool scrypt_is_bounded(const ASN1_TYPE *parameter, uint64_t *ret_rounds)
{
        CLEANUP(scryptp)
        SCRYPT_PARAMS *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
        uint64_t n, r, parallel;

        if (p == NULL || !within(p->costParameter, SCRYPT_WORK_MAX, &n) ||
            !within(p->blockSize, SCRYPT_WORK_MAX / n, &r) ||
            !within(p->parallelizationParameter, SCRYPT_WORK_MAX / (n * r), &parallel))
                return false;
        *ret_rounds = n * r * parallel;
        return true;
}

bool key_work_is_bounded(const X509_ALGOR *algorithm, uint64_t *ret_rounds)
{
        if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
                CLEANUP(pbe2p)
                PBE2PARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);

                if (p == NULL)
                        return false;
                if (OBJ_obj2nid(p->keyfunc->algorithm) == NID_id_scrypt)
                        return scrypt_is_bounded(p->keyfunc->parameter, ret_rounds);
                return OBJ_obj2nid(p->keyfunc->algorithm) == NID_id_pbkdf2 &&
                       pbkdf2_is_bounded(p->keyfunc->parameter, ret_rounds);
        }
        CLEANUP(pbep) PBEPARAM *p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);

        return p != NULL && within(p->iter, PBKDF2_ROUNDS_MAX, ret_rounds);
}
