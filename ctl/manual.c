/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/manual.h"
#include "ctl/exit.h"

#include "ctl/lookup.h"
#include "ctl/print.h"
#include "ctl/roff.h"

#include <stdio.h>
#include <string.h>

/* Of the last change of the words in this file; a date of the build would make every build another one. */
#define MANUAL_DATE "2026-11-22"

enum { TEXT_SIZE = 1024 };

static const char description[] = "signetctl calls the operations of signet-api, signed with an access key, "
                                  "and does what an operator needs "
                                  "several of them for: it waits for a rollout, verifies with a TLS "
                                  "handshake what a broker serves, and keeps "
                                  "the configuration of an instance in a text file.\n\n"
                                  "A word that begins with a capital letter behind the operation is one of "
                                  "its parameters (--Name value or "
                                  "--Name=value); options begin with a small one and may stand anywhere. "
                                  "Wrong names are found before anything "
                                  "is sent, with the nearest right one proposed.\n\n"
                                  "Answers are printed on standard output, everything else on standard "
                                  "error. What a server sends is printed "
                                  "without control characters, and never in colours.";

static const char credentials[] = "The access key is taken from ALIBABA_CLOUD_ACCESS_KEY_ID and "
                                  "ALIBABA_CLOUD_ACCESS_KEY_SECRET, or, when "
                                  "neither is set, from credentials.env in the folder of SIGNET_HOME: lines "
                                  "NAME=value with the same names, "
                                  "never run by a shell. It cannot be given on the command line, which "
                                  "everybody on the machine can read. For "
                                  "the same reason private keys, and a SniConfig with passwords, are taken "
                                  "from a file (@path) or from standard "
                                  "input (@-) only. The process writes no core file and cannot be "
                                  "traced by other processes of the same user.";

static const char file_format[] =
        "export writes, and import reads, a JSON object. Names of certificates and SHA-256 stand beside each "
        "other, so "
        "that the file fits another Signet, where the same certificates have other IDs.\n\n"
        "SignetConfiguration: 1, the version of the format. MqttInstanceId, InstanceName, Edition, "
        "AuthenticationMode, LoginRequired: "
        "of the instance. DefaultCertificate: null, or an object with Certificate (a name) and Sha256. "
        "Domains: an "
        "object; each domain has such an object. CaCertificates: an object; each serial number (Sn) has "
        "CaName, Status "
        "(\"1\" active, \"0\" inactive) and CaContent. ServerCertificates: an object; each name has Sha256, "
        "Cert, and, "
        "where there are any, Tags and KeyEncrypted.\n\n"
        "For import an entry of ServerCertificates may also have KeyFile, PasswordFile and "
        "PasswordEnvironment (the "
        "name of an environment variable). In Domains, Sha256 may be left out: then the name decides.";

static const struct {
        const char *text, *command;
} examples[] = {
        {"Upload a certificate, map a domain to it, and wait until the brokers serve it:",
         "signetctl cas UploadUserCertificate --Name www --Cert @www.crt --Key @www.key\n"
         "signetctl onsmqtt SetSniConfig --MqttInstanceId mqtt-cn-signet00001 \\\n"
         "    --DefaultCertificate 15330001-cn-hangzhou \\\n"
         "    --SniConfig 'a.example.com#15330001-cn-hangzhou' --wait"},
        {"Is it served?", "signetctl verify a.example.com --connect broker.example.com:8883"},
        {"Look at the devices of a CA as a table:",
         "signetctl onsmqtt ListDeviceCertificateByCaSn --MqttInstanceId mqtt-cn-signet00001 \\\n"
         "    --CaSn 007269004887ab12 --PageNo 1 --PageSize 100 --output table"},
        {"An access key for one instance:",
         "signetctl signet CreateAccessKey --Description 'CI of team A' \\\n"
         "    --Grants.1.Action write --Grants.1.MqttInstanceId mqtt-cn-signet00001"},
        {"Keep a configuration under version control, and put a changed one into force:",
         "signetctl export signet.json\n"
         "signetctl import --dry-run --keys keys signet.json\n"
         "signetctl import --keys keys --wait signet.json"},
};

static enum err add_synopsis(struct buf *ret)
{
        TRY(roff_heading("SH", "SYNOPSIS", ret));
        TRY(buf_add_text(ret, ".nf\n"));
        for (int c = 0; c < COMMANDS; c++) {
                const struct usage_command *row = &usage_commands[c];

                if (c == COMMAND_COMPLETE)
                        continue;
                TRY(buf_add_text(ret, "\\fBsignetctl\\fR [\\fIoption\\fR]... \\fB"));
                TRY(roff_text(row->name != NULL ? row->name : "", ret));
                TRY(buf_addf(ret, "\\fR%s\\fI", row->name != NULL && row->arguments[0] != '\0' ? " " : ""));
                TRY(roff_text(row->arguments, ret));
                TRY(buf_add_text(ret, "\\fR\n"));
        }
        return buf_add_text(ret, ".fi\n");
}

static enum err add_head(struct buf *ret)
{
        TRY(buf_add_text(ret, ".\\\" Printed by `signetctl man`.\n.TH SIGNETCTL 1 \"" MANUAL_DATE
                              "\" \"signet " SIGNET_VERSION "\" \"Signet\"\n.nh\n.ad l\n"
                              ".SH NAME\nsignetctl \\- call the API of Signet and look after its brokers\n"));
        TRY(add_synopsis(ret));
        TRY(roff_heading("SH", "DESCRIPTION", ret));
        return roff_paragraphs("PP", description, ret);
}

static enum err add_commands(struct buf *ret)
{
        TRY(roff_heading("SH", "COMMANDS", ret));
        for (int c = 0; c < COMMANDS; c++) {
                const struct usage_command *row = &usage_commands[c];

                TRY(roff_term(row->name != NULL ? row->name : "", row->arguments, row->summary, ret));
                TRY(roff_paragraphs("IP", row->text, ret));
        }
        return ERR_OK;
}

static enum err option_text(enum option o, char ret[TEXT_SIZE])
{
        const struct usage_option *row = &usage_options[o];
        size_t len = (size_t)snprintf(ret, TEXT_SIZE, "%s", row->text);

        if (row->variable != NULL && len < TEXT_SIZE)
                len += (size_t)snprintf(ret + len, TEXT_SIZE - len, " Also %s.", row->variable);
        for (int c = 0, any = 0; row->commands + 1 != 1U << COMMANDS && c < COMMANDS; c++)
                if (usage_takes((enum command)c, o) && len < TEXT_SIZE)
                        len += (size_t)snprintf(ret + len, TEXT_SIZE - len, "%s%s", any++ ? ", " : " For ",
                                                usage_commands[c].name != NULL ? usage_commands[c].name
                                                                               : "operations");
        if (row->commands + 1 != 1U << COMMANDS && len < TEXT_SIZE)
                len += (size_t)snprintf(ret + len, TEXT_SIZE - len, ".");
        return len < TEXT_SIZE ? ERR_OK : ERR_LIMIT;
}

static enum err add_options(struct buf *ret)
{
        TRY(roff_heading("SH", "OPTIONS", ret));
        for (int o = 0; o < OPTIONS; o++) {
                const struct usage_option *row = &usage_options[o];
                char text[TEXT_SIZE], name[64];

                (void)snprintf(name, sizeof name, "%s%s%s%s", row->name, row->optional ? "[=" : "",
                               row->optional ? row->argument : "", row->optional ? "]" : "");
                TRY(option_text((enum option)o, text));
                TRY(roff_term(name, row->argument != NULL && !row->optional ? row->argument : "", text, ret));
        }
        return ERR_OK;
}

static enum err add_operations(const struct catalog *c, struct buf *ret)
{
        TRY(roff_heading("SH", "OPERATIONS", ret));
        TRY(roff_paragraphs(
                "PP",
                "Parameters, with their types and limits, are listed by signetctl product operation --help.",
                ret));
        for (enum product p = 0; p < PRODUCTS; p++) {
                char title[64];

                (void)snprintf(title, sizeof title, "%s (API %s)", product_name(p), product_version(p));
                TRY(roff_heading("SS", title, ret));
                for (size_t i = 0; i < c->counts[p]; i++)
                        TRY(roff_term(c->operations[p][i].name, "", c->operations[p][i].summary, ret));
        }
        return ERR_OK;
}

static enum err add_environment(struct buf *ret)
{
        size_t count;
        const struct setting *table = ctl_settings_table(&count);

        TRY(roff_heading("SH", "ENVIRONMENT", ret));
        for (size_t i = 0; i < count; i++) {
                char text[TEXT_SIZE];

                (void)snprintf(text, sizeof text,
                               table[i].default_value[0] != '\0' ? "%s; %s by default." : "%s.%s",
                               table[i].help, table[i].default_value);
                TRY(roff_term(table[i].name, "", text, ret));
        }
        return ERR_OK;
}

static enum err add_files(struct buf *ret)
{
        TRY(roff_heading("SH", "FILES", ret));
        TRY(roff_term("$SIGNET_HOME/credentials.env", "", "The access key. Mode 0600.", ret));
        TRY(roff_term("$SIGNET_HOME/run/<instance>.sock", "", "Control socket of a broker of this machine.",
                      ret));
        TRY(roff_heading("SH", "CONFIGURATION FILE", ret));
        return roff_paragraphs("PP", file_format, ret);
}

static enum err add_exits(struct buf *ret)
{
        TRY(roff_heading("SH", "EXIT STATUS", ret));
        for (size_t i = 0; i < EXIT_COUNT; i++) {
                char number[12];

                (void)snprintf(number, sizeof number, "%d", exit_rows[i].number);
                TRY(roff_term(number, "", exit_rows[i].text, ret));
        }
        return ERR_OK;
}

/* Line by line, so that the lines of a command stay lines. */
static enum err add_command_lines(const char *text, struct buf *ret)
{
        while (*text != '\0') {
                char line[TEXT_SIZE];
                size_t len = strcspn(text, "\n");

                (void)snprintf(line, sizeof line, "%.*s", (int)len, text);
                TRY(roff_text(line, ret));
                TRY(buf_add(ret, "\n", 1));
                text += len + (text[len] == '\n');
        }
        return ERR_OK;
}

static enum err add_examples(struct buf *ret)
{
        TRY(roff_heading("SH", "EXAMPLES", ret));
        for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
                TRY(roff_paragraphs("PP", examples[i].text, ret));
                TRY(buf_add_text(ret, ".PP\n.RS 4\n.nf\n"));
                TRY(add_command_lines(examples[i].command, ret));
                TRY(buf_add_text(ret, ".fi\n.RE\n"));
        }
        return ERR_OK;
}

enum err manual_text(const struct catalog *c, struct buf *ret)
{
        TRY(add_head(ret));
        TRY(add_commands(ret));
        TRY(add_options(ret));
        TRY(add_operations(c, ret));
        TRY(roff_heading("SH", "CREDENTIALS AND SECRETS", ret));
        TRY(roff_paragraphs("PP", credentials, ret));
        TRY(add_environment(ret));
        TRY(add_files(ret));
        TRY(add_exits(ret));
        TRY(add_examples(ret));
        TRY(roff_heading("SH", "SEE ALSO", ret));
        return roff_paragraphs("PP", "signet-api --help, signet-broker --help, openssl-s_client(1)", ret);
}

enum exit_status manual_run(const struct ctl_settings *settings, const struct options *o)
{
        CLEANUP(catalogp) struct catalog *catalog = NULL;
        CLEANUP(buf) struct buf text = BUF_UP_TO(MANUAL_MAX);
        struct failure f = {0};
        enum err e = lookup_catalog(&catalog, &f);

        (void)settings;
        (void)o;
        if (e == ERR_OK)
                e = manual_text(catalog, &text);
        return e == ERR_OK ? print_text(&text) : failure_exit(&f, e);
}
