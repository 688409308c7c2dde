/* SPDX-License-Identifier: Apache-2.0 */
/* document: pieces of an OpenAPI document, so that a test writes only what it is about. */
#ifndef SIGNET_TEST_DOCUMENT_H
#define SIGNET_TEST_DOCUMENT_H

#define DOCUMENT_ERROR(http, code, message)                                                                  \
        "{\"http\":" http ",\"code\":\"" code "\",\"message\":\"" message "\"}"
#define DOCUMENT_MISSING(name) DOCUMENT_ERROR("400", "Missing" name, name " is mandatory for this action.")
#define DOCUMENT_INVALID(name)                                                                               \
        DOCUMENT_ERROR("400", "Invalid" name, "Specified parameter " name " is not valid.")
#define DOCUMENT_DENIED                                                                                      \
        DOCUMENT_ERROR("400", "PermissionDenied", "The access key has no permission for this operation.")

#define DOCUMENT_GRANT                                                                                       \
        "\"x-signet-grant\":{\"action\":\"mq:Op\",\"level\":\"read\",\"scope\":\"account\","                 \
        "\"denied\":\"PermissionDenied\"}"
#define DOCUMENT_RATE           "\"x-signet-rate-limit\":1"
#define DOCUMENT_ERRORS(errors) "\"x-signet-errors\":[" DOCUMENT_DENIED errors "]"
/* All that an operation without parameters needs. */
#define DOCUMENT_EXTENSIONS DOCUMENT_GRANT "," DOCUMENT_RATE "," DOCUMENT_ERRORS("")

/* A document with one operation, whose members are given. */
#define DOCUMENT_OF(members) "{\"x-signet-errors\":[],\"paths\":{\"/2020-04-20/Op\":{" members "}}}"
/* The same with parameters; `errors` begins with a comma, or is "". */
#define DOCUMENT_WITH(parameters, errors)                                                                    \
        DOCUMENT_OF("\"get\":{},\"parameters\":[" parameters "]," DOCUMENT_GRANT "," DOCUMENT_RATE           \
                    "," DOCUMENT_ERRORS(errors))

#endif
