/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/session_row.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MAX = 1024, ROW_NAMES_BYTES = 320, ESCAPED_MAX = 6 };

/* ---- rows ---- */

/* What is no UTF-8 (a name in the ClientHello may be any bytes) is told in ASCII. */
static void copy_text(char *to, size_t size, const char *from)
{
        (void)snprintf(to, size, "%s", from == NULL ? "" : from);
        if (text_is_utf8(to, strlen(to)))
                return;
        for (char *at = to; *at != '\0'; at++)
                if ((unsigned char)*at >= 0x80)
                        *at = '?';
}

static void copy_address(char to[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *address)
{
        char host[INET6_ADDRSTRLEN] = "?";

        if (address->ss_family == AF_INET) {
                const struct sockaddr_in *a = (const struct sockaddr_in *)address;

                (void)inet_ntop(AF_INET, &a->sin_addr, host, sizeof host);
                (void)snprintf(to, ADDRESS_TEXT_SIZE, "%s:%d", host, ntohs(a->sin_port));
        } else if (address->ss_family == AF_INET6) {
                const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)address;

                (void)inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
                (void)snprintf(to, ADDRESS_TEXT_SIZE, "[%s]:%d", host, ntohs(a->sin6_port));
        }
}

/* Borrowed from the snapshot; "" without a device, or when its CA is gone. */
static const char *ca_sn_of(const struct conn *c)
{
        const struct snapshot *s = c->ctx->snapshot;
        const struct trust_ca *ca =
                c->device == NULL || s == NULL ? NULL : trust_find(s->trust, c->device->ca_id);

        return ca == NULL ? "" : ca->sn;
}

void session_row_fill(struct session_row *row, const struct conn *c)
{
        *row = (struct session_row){.listener = c->listener,
                                    .tls = c->ssl == NULL ? "" : SSL_get_version(c->ssl),
                                    .certificate_id = c->certificate_id,
                                    .revision = c->revision,
                                    .connected_ms = c->connected_at * 1000,
                                    .worker = c->ctx->index};
        copy_address(row->address, &c->address);
        copy_text(row->client_id, sizeof row->client_id, c->client_id);
        copy_text(row->access_key_id, sizeof row->access_key_id, c->access_key_id);
        copy_text(row->domain, sizeof row->domain, c->domain);
        copy_text(row->ca_sn, sizeof row->ca_sn, ca_sn_of(c));
        copy_text(row->device_sn, sizeof row->device_sn, c->device_sn);
        if (c->device != NULL)
                text_hex(c->device->sha256, sizeof c->device->sha256, row->device_sha256);
}

json_t *session_row_json(const struct session_row *row)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:i}", "clientId",
                         row->client_id, "address", row->address, "listener", row->listener, "tls", row->tls,
                         "domain", row->domain, "certificate", (json_int_t)row->certificate_id, "caSn",
                         row->ca_sn, "deviceSn", row->device_sn, "deviceSha256", row->device_sha256,
                         "accessKeyId", row->access_key_id, "connectedAt", (json_int_t)row->connected_ms,
                         "revision", (json_int_t)row->revision, "worker", row->worker);
}

size_t session_row_bytes(const struct session_row *row)
{
        size_t chosen = strlen(row->client_id) + strlen(row->domain);

        return ROW_NAMES_BYTES + ESCAPED_MAX * chosen + strlen(row->access_key_id) + strlen(row->ca_sn) +
               strlen(row->device_sn) + strlen(row->device_sha256) + strlen(row->address);
}

/* ---- filter ---- */

static const char *field_read(const json_t *request, const char *name, char **ret)
{
        const json_t *value = json_object_get(request, name);

        if (value == NULL)
                return NULL;
        if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > FIELD_MAX)
                return "clientId, caSn and deviceSn must be texts of 1 to 1024 bytes";
        *ret = strdup(json_string_value(value));
        return *ret == NULL ? err_text(ERR_NOMEM) : NULL;
}

const char *session_filter_read(const json_t *request, struct session_filter *ret)
{
        const char *error = field_read(request, "clientId", &ret->client_id);

        if (error == NULL)
                error = field_read(request, "caSn", &ret->ca_sn);
        if (error == NULL)
                error = field_read(request, "deviceSn", &ret->device_sn);
        return error;
}

void session_filter_done(struct session_filter *f)
{
        free(f->client_id);
        free(f->ca_sn);
        free(f->device_sn);
        *f = (struct session_filter){NULL, NULL, NULL};
}

bool session_filter_names_one(const struct session_filter *f)
{
        return f->client_id != NULL || (f->ca_sn != NULL && f->device_sn != NULL);
}

static bool fits(const char *wanted, const char *there)
{
        return wanted == NULL || (there != NULL && strcmp(wanted, there) == 0);
}

bool session_filter_fits(const struct session_filter *f, const struct conn *c)
{
        return c->state == CONN_ACTIVE && fits(f->client_id, c->client_id) &&
               fits(f->device_sn, c->device_sn) && (f->ca_sn == NULL || fits(f->ca_sn, ca_sn_of(c)));
}
