/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_ca.h"

#include "common/pem.h"
#include "ctl/field.h"
#include "ctl/leaf.h"

#include <string.h>

static enum err call_ca(struct import_job *j, const char *operation, const char *sn)
{
        CLEANUP(question) struct question q = QUESTION(PRODUCT_ONSMQTT, operation);
        CLEANUP(jsonp) json_t *answer = NULL;

        if (j->dry_run)
                return ERR_OK;
        TRY(question_add(&q, "MqttInstanceId", j->instance));
        TRY(question_add(&q, "Sn", sn));
        return client_ask(j->client, &q, &answer);
}

/* False when one of them cannot be read. */
static bool same_certificate(const char *a, const char *b)
{
        CLEANUP(pem_chain) struct pem_chain first = {{NULL}, 0};
        CLEANUP(pem_chain) struct pem_chain second = {{NULL}, 0};
        const char *why;

        return strcmp(a, b) == 0 || (pem_read_chain(a, strlen(a), &first, &why) == ERR_OK &&
                                     pem_read_chain(b, strlen(b), &second, &why) == ERR_OK &&
                                     X509_cmp(first.certificates[0], second.certificates[0]) == 0);
}

static enum err set_state(struct import_job *j, const char *sn, const json_t *wanted)
{
        const json_t *present = json_object_get(j->cas, sn);
        const char *status = field_text(wanted, "Status"), *content = field_text(wanted, "CaContent");
        bool active = strcmp(status, "1") == 0;

        if (present == NULL)
                return import_problem(
                        j, sn,
                        "this CA certificate is not registered; that needs a proof of possession "
                        "(signetctl onsmqtt RegisterCaCertificate)");
        if (content[0] != '\0' && !same_certificate(content, field_text(present, "CaContent")))
                return import_problem(j, sn, "another CA certificate is registered with this serial number");
        if (strcmp(status, field_text(present, "Status")) == 0)
                return ERR_OK;
        TRY(import_change(j, active ? "activate" : "inactivate", sn, field_text(present, "Status"), status));
        return call_ca(j, active ? "ActiveCaCertificate" : "InactivateCaCertificate", sn);
}

enum err import_cas(struct import_job *j)
{
        const json_t *wanted = json_object_get(j->wanted, "CaCertificates");
        const char *sn;
        json_t *ca;

        json_object_foreach((json_t *)wanted, sn, ca)
        {
                TRY(set_state(j, sn, ca));
        }
        json_object_foreach(j->cas, sn, ca)
        {
                if (json_object_get(wanted, sn) != NULL)
                        continue;
                if (!j->delete_missing) {
                        TRY(import_note(
                                j, sn,
                                "this CA certificate is not in the file and stays (--delete-missing)"));
                        continue;
                }
                TRY(import_change(j, "delete", sn, field_text(ca, "CaName"), ""));
                TRY(call_ca(j, "DeleteCaCertificate", sn));
        }
        return ERR_OK;
}
