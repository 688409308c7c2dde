/* SPDX-License-Identifier: Apache-2.0 */
/* product: the APIs that signet-api serves, as the `aliyun` CLI names them. `signet` is Signet's own. */
#ifndef SIGNET_CTL_PRODUCT_H
#define SIGNET_CTL_PRODUCT_H

/* id, name, version, its OpenAPI document */
#define PRODUCT_LIST(X)                                                                                      \
        X(PRODUCT_ONSMQTT, "onsmqtt", "2020-04-20", "onsmqtt-2020-04-20.json")                               \
        X(PRODUCT_CAS, "cas", "2020-04-07", "cas-2020-04-07.json")                                           \
        X(PRODUCT_SIGNET, "signet", "2020-04-20", "signet.json")

#define PRODUCT_ENUM(id, name, version, document) id,
enum product { PRODUCT_LIST(PRODUCT_ENUM) PRODUCTS };
#undef PRODUCT_ENUM

const char *product_name(enum product p);
const char *product_version(enum product p);
const char *product_document(enum product p); /* file name in embedded_openapi */
/* PRODUCTS when there is none; any letter case. */
enum product product_find(const char *name);

#endif
