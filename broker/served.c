/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/served.h"

#include "common/clock.h"

void served_snapshot(struct served *v, const struct snapshot *s, int64_t took_ms)
{
        v->revision = s->revision;
        v->loaded_at = s->loaded_at;
        v->loaded_ms = v->checked_ms = clock_ms();
        v->domains = (int64_t)tls_table_count(s->tls);
        v->certificates = (int64_t)credential_set_count(s->credentials);
        v->cas = (int64_t)trust_count(s->trust);
        v->inactive_devices = (int64_t)digest_set_count(s->inactive);
        v->mode = s->mode;
        v->login_required = s->login_required;
        v->reloads++;
        v->last_reload_ms = took_ms;
}

json_t *served_json(const struct served *v, const struct perishables *perishables)
{
        static const char *const modes[] = {[AUTH_ONE_WAY] = "one-way", [AUTH_MUTUAL] = "mutual"};
        const struct ticket_key *key = perishables == NULL ? NULL : perishables_ticket_key(perishables);
        size_t staples = perishables == NULL ? 0 : perishables_staples(perishables);
        int64_t now = clock_ms();
        const struct {
                const char *key;
                int64_t number;
        } numbers[] = {{"applied", v->revision},
                       {"loadedAt", v->loaded_at},
                       {"snapshotAgeMs", v->reloads == 0 ? -1 : now - v->loaded_ms},
                       {"checkedAgoMs", v->reloads == 0 ? -1 : now - v->checked_ms},
                       {"domains", v->domains},
                       {"certificates", v->certificates},
                       {"cas", v->cas},
                       {"inactiveDevices", v->inactive_devices},
                       {"ticketKeyMadeAt", key == NULL ? 0 : key->made_at},
                       {"staples", (int64_t)staples},
                       {"reloads", v->reloads},
                       {"lastReloadMs", v->last_reload_ms}};
        json_t *object = json_pack("{s:s, s:b}", "mode", modes[v->mode], "loginRequired", v->login_required);

        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
                if (json_object_set_new(object, numbers[i].key,
                                        json_integer((json_int_t)numbers[i].number)) != 0) {
                        json_decref(object);
                        return NULL;
                }
        return object;
}
