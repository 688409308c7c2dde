/* SPDX-License-Identifier: Apache-2.0 */
/* Mutual TLS over memory: what lies between the two is what would be on the wire. */
#include "broker/tls_forget.h"

#include "certificate_maker.h"

#include <criterion/criterion.h>
#include <openssl/bio.h>
#include <string.h>

enum { WIRE_BYTES = 65536, FLIGHTS = 8 };

static const char text[] = "what nobody else may read";
static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static SSL_CTX *our_ctx, *client_ctx;
static SSL *ours, *client;
static BIO *our_wire, *client_wire; /* what the other one has written waits in it */

static int anybody(X509_STORE_CTX *store, void *arg)
{
        (void)arg;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
}

static void begin(int version, uint8_t fragment)
{
        struct made made;
        SSL_CTX **both[] = {&our_ctx, &client_ctx};

        made_new(&made, EVP_PKEY_EC, "one.example.com");
        for (int n = 0; n < 2; n++) {
                SSL_CTX *tls = *both[n] = SSL_CTX_new(n == 0 ? TLS_server_method() : TLS_client_method());

                cr_assert_eq(SSL_CTX_use_certificate_ASN1(tls, (int)made.leaf.len, made.leaf.data), 1);
                cr_assert_eq(SSL_CTX_use_PrivateKey_ASN1(EVP_PKEY_EC, tls, made.key.data, (long)made.key.len),
                             1);
        }
        made_done(&made);
        SSL_CTX_set_verify(our_ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(our_ctx, anybody, NULL);
        SSL_CTX_set_options(our_ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(our_ctx, 0);
        SSL_CTX_set_max_proto_version(client_ctx, version);
        SSL_CTX_set_tlsext_max_fragment_length(client_ctx, fragment);
        ours = SSL_new(our_ctx);
        client = SSL_new(client_ctx);
        cr_assert_eq(BIO_new_bio_pair(&our_wire, WIRE_BYTES, &client_wire, WIRE_BYTES), 1);
        SSL_set_bio(ours, our_wire, our_wire);
        SSL_set_bio(client, client_wire, client_wire);
        SSL_set_accept_state(ours);
        SSL_set_connect_state(client);
        for (int n = 0; n < FLIGHTS; n++) {
                (void)SSL_do_handshake(client);
                (void)SSL_do_handshake(ours);
        }
        cr_assert(SSL_is_init_finished(ours) && SSL_is_init_finished(client));
        cr_assert_not_null(SSL_get0_peer_certificate(ours));
}

static void end(void)
{
        SSL_free(ours);
        SSL_free(client);
        SSL_CTX_free(our_ctx);
        SSL_CTX_free(client_ctx);
}

static void say(SSL *from, SSL *to, BIO *wire_of_to)
{
        char *wire = NULL, said[sizeof text] = "";
        int len;

        cr_assert_eq(SSL_write(from, text, sizeof text), sizeof text);
        len = BIO_nread0(wire_of_to, &wire);
        cr_assert_gt(len, (int)sizeof text);
        cr_assert_null(memmem(wire, (size_t)len, text, sizeof text), "in the clear");
        cr_assert_eq(SSL_read(to, said, sizeof said), sizeof text);
        cr_assert_str_eq(said, text);
}

static void talk(void)
{
        say(ours, client, client_wire);
        say(client, ours, our_wire);
}

Test(tls_forget, does_nothing_before_the_end_of_the_handshake_or_without_tls)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        SSL *fresh = SSL_new(tls);

        tls_forget_client(NULL);
        tls_forget_client(fresh);
        cr_assert_eq(SSL_get_SSL_CTX(fresh), tls);
        SSL_free(fresh);
        SSL_CTX_free(tls);
}

Test(tls_forget, a_client_with_a_maximum_fragment_length_keeps_it_and_its_certificate)
{
        begin(TLS1_3_VERSION, TLSEXT_max_fragment_length_512);
        tls_forget_client(ours);
        cr_assert_not_null(SSL_get0_peer_certificate(ours));
        cr_assert_eq(SSL_SESSION_get_max_fragment_length(SSL_get_session(ours)),
                     TLSEXT_max_fragment_length_512);
        talk();
        end();
}

Test(tls_forget, the_certificate_is_gone_and_what_is_said_stays_encrypted)
{
        for (size_t n = 0; n < sizeof versions / sizeof versions[0]; n++) {
                begin(versions[n], TLSEXT_max_fragment_length_DISABLED);
                talk();
                tls_forget_client(ours);
                tls_forget_client(ours);
                cr_assert_null(SSL_get0_peer_certificate(ours));
                cr_assert_null(SSL_get_peer_cert_chain(ours));
                cr_assert_not_null(SSL_get_session(ours), "TLS 1.2 would go on in the clear");
                cr_assert_eq(SSL_version(ours), versions[n]);
                talk();
                end();
        }
}

Test(tls_forget, keys_are_changed_as_before)
{
        begin(TLS1_3_VERSION, TLSEXT_max_fragment_length_DISABLED);
        tls_forget_client(ours);
        for (int n = 0; n < 3; n++) {
                cr_assert_eq(SSL_key_update(ours, SSL_KEY_UPDATE_REQUESTED), 1);
                talk();
                cr_assert_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
                say(client, ours, our_wire);
                talk();
        }
        end();
}
