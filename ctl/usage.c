/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/usage.h"

#include <string.h>

const struct usage_command usage_commands[COMMANDS] = {
        [COMMAND_OPERATION] =
                {NULL, "<product> <Operation> [--Name value]...", 0, 0, VALUE_NONE, NULL,
                 "Calls an operation of the API, signed, and prints its answer.",
                 "Parameters are those of the OpenAPI documents. An unknown name or a missing mandatory one "
                 "is "
                 "found before anything is sent; values are judged by the API.\n\n"
                 "A value that begins with @ is the content of a file (@path) or of standard input (@-); @@x "
                 "is "
                 "the text @x. Parameters that hold a secret (private keys, a SniConfig with passwords) are "
                 "taken in this way only. Lists have numbered names, from 1: --Tags.1.Key env --Tags.1.Value "
                 "test --Tags.2.Key team.\n\n"
                 "CreateAccessKey and RotateAccessKey print the secret once, on standard output, and nowhere "
                 "else."},
        [COMMAND_VERIFY] = {"verify", "<domain>", 1, 1, VALUE_TEXT, NULL,
                            "A TLS handshake with the broker: is the configured certificate served?",
                            "Connects with the domain as server name (for *.example.com with a name below "
                            "it), prints what "
                            "is served, and asks the API which certificate is configured: that of the domain "
                            "itself, else "
                            "of the wildcard above it, else the default one. The exit status is 0 only when "
                            "the SHA-256 of "
                            "both is the same.\n\n"
                            "NameMatches and ChainVerifies say what a client that trusts the given CAs would "
                            "find; they do "
                            "not change the exit status. A broker that asks for a device certificate is "
                            "asked no further."},
        [COMMAND_EXPORT] = {"export", "[file]", 0, 1, VALUE_FILE, NULL,
                            "Writes the configuration of an instance as one text file.",
                            "Instance, authentication mode, default certificate, domains, CA certificates "
                            "and the server "
                            "certificates in use with their names, tags and SHA-256, as JSON in one fixed "
                            "order, an entry a "
                            "line: two exports differ in just the lines that changed. Private keys are not "
                            "in it, because "
                            "they never leave Signet. Without a file, or with -, on standard output."},
        [COMMAND_IMPORT] =
                {"import", "<file>", 1, 1, VALUE_FILE, NULL, "Makes an instance what a file of export says.",
                 "Certificates are found by SHA-256 and name, then SHA-256, then name. One that the account "
                 "does "
                 "not have is uploaded when its private key is given: \"KeyFile\" in the file, or <name>.key "
                 "in "
                 "the folder of --keys. Passwords of encrypted keys come from \"PasswordFile\", "
                 "\"PasswordEnvironment\" or <name>.password in that folder; relative paths begin at the "
                 "folder "
                 "of the configuration file.\n\n"
                 "All domains are set in one SetSniConfig, and only when something differs: importing what "
                 "was "
                 "just exported changes nothing and makes no revision. States of CA certificates and the "
                 "authentication mode are set too. A CA certificate that is not registered is reported (it "
                 "needs "
                 "a proof of possession: RegisterCaCertificate), and the exit status is then 1.\n\n"
                 "The instance is that of the file, unless --instance names another one. - reads standard "
                 "input."},
        [COMMAND_STATUS] = {"status", "", 0, 0, VALUE_NONE, NULL,
                            "What the broker of this machine serves, from its control socket.", ""},
        [COMMAND_SESSIONS] =
                {"sessions", "", 0, 0, VALUE_NONE, NULL, "The clients that are connected to an instance.",
                 "Client ID, address, listener, device certificate, access key and more of each, from the "
                 "brokers on the machine of the API; a broker elsewhere that was not asked is named. The "
                 "operation ListSessions gives them page by page, this command all of them."},
        [COMMAND_CONTROL] = {"control", "<JSON>", 1, 1, VALUE_TEXT, NULL,
                             "Sends one request to the control socket of the broker of this machine.", ""},
        [COMMAND_MQTT_USER] = {"mqtt-user", "", 0, 0, VALUE_NONE, NULL,
                               "The user name of an MQTT client: Signature|<AccessKeyId>|<instance>.", ""},
        [COMMAND_MQTT_PASSWORD] = {"mqtt-password", "", 0, 0, VALUE_NONE, NULL,
                                   "The password of an MQTT client, signed with the access key.", ""},
        [COMMAND_COMPLETION] = {"completion", "<shell>", 1, 1, VALUE_WORDS, "bash zsh",
                                "Prints the completion of a shell.",
                                "Installed with the program. By hand: source <(signetctl completion bash), "
                                "or the same with zsh "
                                "behind compinit."},
        [COMMAND_MAN] = {"man", "", 0, 0, VALUE_NONE, NULL, "Prints the manual page as roff source.", ""},
        [COMMAND_COMPLETE] = {"complete", "<word>...", 1, 1 << 16, VALUE_NONE, NULL,
                              "What the last word can become; asked by the completions.", ""},
};

#define ONE(c) (1U << COMMAND_##c)
#define ALL    ((1U << COMMANDS) - 1)

const struct usage_option usage_options[OPTIONS] = {
        [OPTION_ENDPOINT] = {"--endpoint", "URL", false, VALUE_TEXT, NULL, "SIGNET_ENDPOINT", ALL,
                             "Where the API is reached: http(s)://host[:port]."},
        [OPTION_CACERT] = {"--cacert", "FILE", false, VALUE_FILE, NULL, "SIGNET_CACERT", ALL,
                           "PEM file of the CAs to trust; without it those of the system."},
        [OPTION_HOME] = {"--home", "FOLDER", false, VALUE_FOLDER, NULL, "SIGNET_HOME", ALL,
                         "Folder with credentials.env and run/."},
        [OPTION_INSTANCE] = {"--instance", "ID", false, VALUE_TEXT, NULL, "SIGNET_INSTANCE", ALL,
                             "The instance that a command is about (operations name theirs in a parameter)."},
        [OPTION_OUTPUT] =
                {"--output", "FORMAT", false, VALUE_WORDS, "json table", NULL,
                 ONE(OPERATION) | ONE(VERIFY) | ONE(IMPORT) | ONE(STATUS) | ONE(SESSIONS) | ONE(CONTROL),
                 "json: the answer as it is. table: lists as rows and columns, the rest as names and "
                 "values. verify, import and sessions print table unless told otherwise, the others json."},
        [OPTION_WAIT] =
                {"--wait", "SECONDS", true, VALUE_TEXT, NULL, NULL, ONE(OPERATION) | ONE(IMPORT),
                 "After a change, waits until every broker of the instance that is alive serves it, 30 "
                 "seconds at most unless told otherwise."},
        [OPTION_CLIENT_ID] = {"--client-id", "ID", false, VALUE_TEXT, NULL, NULL,
                              ONE(MQTT_PASSWORD) | ONE(SESSIONS),
                              "Client ID of the MQTT client; mqtt-password needs it."},
        [OPTION_CA_SN] = {"--ca-sn", "SERIAL", false, VALUE_TEXT, NULL, NULL, ONE(SESSIONS),
                          "Only devices of the CA with this serial number."},
        [OPTION_DEVICE_SN] = {"--device-sn", "SERIAL", false, VALUE_TEXT, NULL, NULL, ONE(SESSIONS),
                              "Only devices with this serial number."},
        [OPTION_CONNECT] = {"--connect", "HOST:PORT", false, VALUE_TEXT, NULL, NULL, ONE(VERIFY),
                            "Where the broker is. Without it 127.0.0.1 and the port of SIGNET_MQTTS_LISTEN."},
        [OPTION_BROKER_CACERT] =
                {"--broker-cacert", "FILE", false, VALUE_FILE, NULL, NULL, ONE(VERIFY),
                 "PEM file of the CAs to verify the broker with, when they are others than those "
                 "of --cacert."},
        [OPTION_TLS12] = {"--tls1.2", NULL, false, VALUE_NONE, NULL, NULL, ONE(VERIFY), "TLS 1.2 only."},
        [OPTION_TLS13] = {"--tls1.3", NULL, false, VALUE_NONE, NULL, NULL, ONE(VERIFY), "TLS 1.3 only."},
        [OPTION_DRY_RUN] = {"--dry-run", NULL, false, VALUE_NONE, NULL, NULL, ONE(IMPORT),
                            "Changes nothing: shows what would be done, and lets the API check it."},
        [OPTION_CREATE] = {"--create", NULL, false, VALUE_NONE, NULL, NULL, ONE(IMPORT),
                           "Makes the instance first when there is none."},
        [OPTION_DELETE_MISSING] =
                {"--delete-missing", NULL, false, VALUE_NONE, NULL, NULL, ONE(IMPORT),
                 "Deletes the CA certificates that the file does not have, with the records of "
                 "their devices. Without it they are reported and stay."},
        [OPTION_KEYS] = {"--keys", "FOLDER", false, VALUE_FOLDER, NULL, NULL, ONE(IMPORT),
                         "Where private keys (<name>.key) and their passwords (<name>.password) are."},
        [OPTION_HELP] = {"--help", NULL, false, VALUE_NONE, NULL, NULL, ALL,
                         "Says what can be given: alone, behind a product, an operation or a command."},
        [OPTION_VERSION] = {"--version", NULL, false, VALUE_NONE, NULL, NULL, ALL, "Prints the version."},
};

enum command usage_command_find(const char *name)
{
        for (int c = 0; c < COMMANDS; c++)
                if (usage_commands[c].name != NULL && strcmp(usage_commands[c].name, name) == 0)
                        return (enum command)c;
        return COMMANDS;
}

enum option usage_option_find(const char *name, unsigned long len)
{
        for (int o = 0; o < OPTIONS; o++)
                if (strlen(usage_options[o].name) == len && memcmp(usage_options[o].name, name, len) == 0)
                        return (enum option)o;
        return OPTIONS;
}

bool usage_takes(enum command c, enum option o)
{
        return (usage_options[o].commands & 1U << c) != 0;
}
