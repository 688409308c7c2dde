/* SPDX-License-Identifier: Apache-2.0 */
/* Two passes, because a report of REPORT_ROWS_MAX rows shows the wrong entries first, wherever they stand:
 * the first finds out what is wrong with each entry and counts, the second writes the rows that are shown. */
#include "api/sni_report.h"

#include "api/answer.h"
#include "api/certificate.h"
#include "api/sni_certificate.h"
#include "api/sni_config.h"
#include "api/sni_proof.h"
#include "api/store_sni.h"
#include "common/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 512, WARNINGS = 6 };

enum verdict { VERDICT_REFUSED, VERDICT_WARNED, VERDICT_GOOD, VERDICTS };

struct judged {              /* one entry; entry 0 is the default certificate */
        const char *refused; /* what the proof says; NULL: nothing */
        enum verdict verdict;
};

struct report {
        const struct sni_question *question;
        struct sni_config config;
        struct sni_wrong wrong;
        struct sni_proof proof;
        struct serving_certificates certificates;
        struct sni_difference difference;
        struct sni_entry default_entry; /* entry 0 */
        struct judged *judged;          /* by entry number */
        int64_t now, problems, warnings;
};

static void cleanup_report(struct report *r)
{
        sni_config_done(&r->config);
        sni_proof_done(&r->proof);
        serving_certificates_done(&r->certificates);
        free(r->judged);
}

static const struct sni_entry *entry_at(const struct report *r, size_t number)
{
        return number == 0 ? &r->default_entry : &r->config.entries[number - 1];
}

/* NULL for the default certificate, which need not cover any name. */
static const char *domain_of(const struct sni_entry *entry)
{
        return entry->domain[0] != '\0' ? entry->domain : NULL;
}

/* ---- what is wrong ---- */

static enum err read_question(struct report *r)
{
        const struct sni_question *q = r->question;

        TRY(sni_config_read(q->config, strlen(q->config), &r->config, &r->wrong));
        r->judged = calloc(r->config.count + 1, sizeof *r->judged);
        if (r->judged == NULL)
                return ERR_NOMEM;
        r->default_entry.domain = "";
        if (!certificate_id_read(q->default_certificate, strlen(q->default_certificate),
                                 &r->default_entry.certificate_id))
                r->default_entry.why =
                        "the certificate ID is not well formed (<digits>-" CERTIFICATE_REGION ")";
        return ERR_OK;
}

static enum err prove(struct report *r)
{
        const struct sni_question *q = r->question;

        TRY(sni_proof_open(q->db, q->account_id, &r->config, r->default_entry.certificate_id, &r->proof));
        TRY(sni_proof_trust(&r->proof, q->db, q->master, q->instance));
        TRY(sni_proof_budget(&r->proof, q->db, q->master, &r->config));
        for (size_t n = 1; n <= r->config.count; n++)
                if (entry_at(r, n)->why == NULL)
                        TRY(sni_proof_entry(&r->proof, q->db, q->master, entry_at(r, n),
                                            &r->judged[n].refused));
        if (r->default_entry.why == NULL)
                r->judged[0].refused = sni_proof_default(&r->proof, r->default_entry.certificate_id);
        TRY(serving_certificates_load(q->db, &r->proof, &r->certificates));
        return store_sni_compare(q->db, q->instance, &r->config, &r->difference);
}

static int problems_of(const struct report *r, size_t number)
{
        const struct sni_entry *entry = entry_at(r, number);

        return (entry->why != NULL) + (entry->twin != 0) + (r->judged[number].refused != NULL);
}

static unsigned warnings_of(const struct report *r, const struct sni_entry *entry)
{
        const struct serving_certificate *c =
                serving_certificates_find(&r->certificates, entry->certificate_id);

        return c != NULL ? serving_certificate_warnings(c, domain_of(entry), r->now) : 0;
}

static void judge(struct report *r)
{
        for (size_t n = 0; n <= r->config.count; n++) {
                int problems = problems_of(r, n);
                unsigned warnings = warnings_of(r, entry_at(r, n));

                r->problems += problems;
                r->warnings += __builtin_popcount(warnings);
                r->judged[n].verdict = problems > 0   ? VERDICT_REFUSED
                                       : warnings > 0 ? VERDICT_WARNED
                                                      : VERDICT_GOOD;
        }
        if (r->config.count == 0)
                r->problems += (int64_t)r->wrong.count; /* too many entries for any to be read */
}

/* ---- rows ---- */

static enum err add_text(json_t *list, const char *text)
{
        return answer_append(list, json_string(text));
}

static enum err add_problems(const struct report *r, size_t number, json_t *list)
{
        const struct sni_entry *entry = entry_at(r, number);
        char text[TEXT_SIZE];

        if (entry->why != NULL)
                TRY(add_text(list, entry->why));
        if (entry->twin != 0) {
                (void)snprintf(text, sizeof text, "entry %zu has the same domain", entry->twin);
                TRY(add_text(list, text));
        }
        if (r->judged[number].refused == NULL)
                return ERR_OK;
        (void)snprintf(text, sizeof text, "certificate %" PRId64 "%s", entry->certificate_id,
                       r->judged[number].refused);
        return add_text(list, text);
}

static enum err add_warnings(const struct report *r, const struct sni_entry *entry,
                             const struct serving_certificate *c, json_t *list)
{
        unsigned warnings = warnings_of(r, entry);
        char text[TEXT_SIZE];

        for (unsigned bit = 0; bit < WARNINGS; bit++) {
                if ((warnings & (1U << bit)) == 0)
                        continue;
                serving_warning_text(c, (enum serving_warning)(1U << bit), r->now, text);
                TRY(add_text(list, text));
        }
        return ERR_OK;
}

static enum err add_certificate(const struct report *r, const struct sni_entry *entry,
                                const struct serving_certificate *c, json_t *row)
{
        const char *domain = domain_of(entry);

        if (domain != NULL)
                TRY(answer_add(row,
                               json_pack("{s:b}", "CoversDomain", serving_certificate_covers(c, domain))));
        return answer_add(row, json_pack("{s:b, s:I, s:I, s:s, s:i}", "ChainComplete", c->chain_complete,
                                         "NotAfter", (json_int_t)c->not_after * 1000, "DaysLeft",
                                         (json_int_t)certificate_days_left(c->not_after, r->now),
                                         "KeyAlgorithm", c->algorithm, "KeyBits", c->key_bits));
}

/* What was written when it is no domain, as far as it may be shown. */
static void shown_domain(const struct sni_entry *entry, char ret[SNI_WRONG_DOMAIN_SIZE])
{
        ret[0] = '\0';
        if (entry->domain[0] != '\0')
                (void)snprintf(ret, SNI_WRONG_DOMAIN_SIZE, "%s", entry->domain);
        else if (entry->given != NULL)
                sni_domain_shown(entry->given, entry->given_len, ret);
}

static enum err add_row(const struct report *r, size_t number, json_t *rows)
{
        const struct sni_entry *entry = entry_at(r, number);
        const struct serving_certificate *c =
                serving_certificates_find(&r->certificates, entry->certificate_id);
        json_t *problems = json_array(), *warnings = json_array(), *row;
        char domain[SNI_WRONG_DOMAIN_SIZE], identifier[CERTIFICATE_IDENTIFIER_SIZE];

        shown_domain(entry, domain);
        certificate_identifier(entry->certificate_id, identifier);
        row = json_pack("{s:I, s:s, s:s, s:o, s:o}", "Entry", (json_int_t)number, "Domain", domain,
                        "CertIdentifier", identifier, "Problems", problems, "Warnings", warnings);
        TRY(answer_append(rows, row)); /* which owns all three from here on */
        TRY(add_problems(r, number, problems));
        if (c == NULL)
                return ERR_OK;
        TRY(add_warnings(r, entry, c, warnings));
        return add_certificate(r, entry, c, row);
}

static enum err add_too_many(json_t *rows)
{
        return answer_append(rows,
                             json_pack("{s:i, s:s, s:s, s:[s], s:[]}", "Entry", SNI_ENTRIES_MAX + 1, "Domain",
                                       "", "CertIdentifier", "", "Problems", SNI_TOO_MANY, "Warnings"));
}

/* In their order when all are shown; else the refused ones first, then those with a warning. */
static enum err add_rows(const struct report *r, json_t *rows)
{
        bool all = r->config.count < REPORT_ROWS_MAX;

        if (r->config.count == 0 && r->wrong.count > 0)
                TRY(add_too_many(rows));
        for (int verdict = 0; verdict < (all ? 1 : VERDICTS); verdict++)
                for (size_t n = 0; n <= r->config.count && json_array_size(rows) < REPORT_ROWS_MAX; n++)
                        if (all || (int)r->judged[n].verdict == verdict)
                                TRY(add_row(r, n, rows));
        return ERR_OK;
}

static enum err add_counts(const struct report *r, json_t *answer)
{
        return answer_add(answer,
                          json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "Success",
                                    r->problems == 0 ? "true" : "false", "DryRun", 1, "Added",
                                    (json_int_t)r->difference.added, "Removed",
                                    (json_int_t)r->difference.removed, "Changed",
                                    (json_int_t)r->difference.changed, "Unchanged",
                                    (json_int_t)r->difference.unchanged, "ProblemCount",
                                    (json_int_t)r->problems, "WarningCount", (json_int_t)r->warnings));
}

enum err sni_report(const struct sni_question *question, json_t *answer)
{
        CLEANUP(report) struct report r = {.question = question, .now = clock_now()};
        json_t *rows;

        TRY(read_question(&r));
        TRY(prove(&r));
        judge(&r);
        TRY(add_counts(&r, answer));
        rows = json_array();
        TRY(answer_add(answer, json_pack("{s:o}", "Report", rows))); /* which owns them from here on */
        return add_rows(&r, rows);
}
