"""MQTT 3.1.1, statement by statement: number | who it binds | what it asks for, in our words | the tests, or `no:` and why not.
Tests: file.name, without `test_conformance_` (or `test_`) and `test_`; harness/packets.py holds each packet of the broker to the
standard, so a test of an exchange is also one of the form of every packet in it."""

# 3.1.2-7 and 3.8.3-4 are printed as 3.1.2.7 and 3-8.3-4.
NUMBERS = """1.5.3: 1-3; 2.2.2: 1-2; 2.3.1: 1-7; 3.1.0: 1-2; 3.1.2: 1-24; 3.1.3: 1-11; 3.1.4: 1-5; 3.2.0: 1; 3.2.2: 1-6; 3.3.1: 1-12;
3.3.2: 1-3; 3.3.4: 1; 3.3.5: 1-2; 3.6.1: 1; 3.8.1: 1; 3.8.3: 1-4; 3.8.4: 1-6; 3.9.3: 1-2; 3.10.1: 1; 3.10.3: 1-2; 3.10.4: 1-6;
3.12.4: 1; 3.14.1: 1; 3.14.4: 1-3; 4.1.0: 1-2; 4.3.1: 1; 4.3.2: 1-2; 4.3.3: 1-2; 4.4.0: 1; 4.5.0: 1-2; 4.6.0: 1-6; 4.7.1: 1-3;
4.7.2: 1; 4.7.3: 1-4; 4.8.0: 1-2; 6.0.0: 1-4; 7.0.0: 1-2; 7.1.1: 1; 7.1.2: 1"""

ROWS = """
1.5.3-1 | both | a text that is not well-formed UTF-8, surrogates among it, ends the connection | packets.a_text_that_is_not_utf_8_ends_the_connection connect.a_field_that_is_not_utf_8_ends_the_connection
1.5.3-2 | both | a text with U+0000 ends the connection | packets.a_text_that_is_not_utf_8_ends_the_connection connect.a_field_that_is_not_utf_8_ends_the_connection
1.5.3-3 | both | the bytes EF BB BF are U+FEFF anywhere and stay where they are | packets.a_zero_width_no_break_space_is_text_like_any_other
2.2.2-1 | both | reserved bits of the fixed header have the values of the table | packets.a_wrong_reserved_bit_ends_the_connection
2.2.2-2 | both | other values end the connection | packets.a_wrong_reserved_bit_ends_the_connection
2.3.1-1 | client | SUBSCRIBE, UNSUBSCRIBE and PUBLISH above QoS 0 have an identifier other than 0 | packets.packet_identifier_0_ends_the_connection
2.3.1-2 | client | an identifier for a new packet is one that is not in use | no: the client chooses; a server cannot tell a new packet from one sent again
2.3.1-3 | client | a packet that is sent again keeps its identifier, which is free once the exchange is over | session.a_sender_finishes_after_reconnecting_what_it_has_begun publish.a_qos_2_message_sent_twice_is_delivered_once
2.3.1-4 | server | the same goes for each PUBLISH that the server sends | publish.identifiers_of_messages_on_the_way_are_unused_ones session.what_was_not_acknowledged_is_sent_again_once_connected_again
2.3.1-5 | both | PUBLISH with QoS 0 has no identifier | publish.the_lower_quality_is_delivered_by_its_own_exchange
2.3.1-6 | both | PUBACK, PUBREC and PUBREL carry the identifier of their PUBLISH | publish.each_exchange_keeps_its_packet_identifier
2.3.1-7 | server | SUBACK and UNSUBACK carry the identifier of their request | subscribe.every_filter_is_answered_in_its_order
3.1.0-1 | client | the first packet of a connection is CONNECT | connect.a_first_packet_that_is_no_connect_ends_the_connection_without_a_word
3.1.0-2 | server | a second CONNECT ends the connection | connect.a_second_connect_ends_the_connection
3.1.2-1 | server | a CONNECT with another protocol name is not taken for MQTT | connect.another_protocol_name_is_not_spoken
3.1.2-2 | server | a level that is not spoken is answered with code 1, then closed | connect.a_level_that_is_not_spoken_is_answered_in_the_client_s_words
3.1.2-3 | server | the reserved flag is looked at, and ends the connection when set | connect.flags_that_must_not_be_end_the_connection
3.1.2-4 | both | without CleanSession the session of the client goes on, or one begins, and it is kept afterwards | session.a_kept_session_has_its_subscriptions_and_the_messages_since connect.session_present_says_whether_there_is_one
3.1.2-5 | server | messages of QoS 1 and 2 for an absent client are kept with its session | session.a_kept_session_has_its_subscriptions_and_the_messages_since
3.1.2-6 | both | CleanSession drops what was there and leaves nothing behind | session.a_clean_start_drops_what_was_kept session.a_session_without_an_expiry_ends_with_its_connection
3.1.2-7 | server | retained messages are no part of a session and outlive it | retained.it_is_no_part_of_a_session
3.1.2-8 | server | a will is kept with the connection and published when it ends, unless DISCONNECT came | will.a_client_that_is_lost_has_its_will_published will.a_client_that_is_thrown_out_has_its_will_published will.a_client_whose_keep_alive_is_over_has_its_will_published
3.1.2-9 | client | with the Will Flag there are a will topic and a will message | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-10 | server | a will is gone once it was published or DISCONNECT came | will.a_will_goes_with_its_connection will.a_client_that_says_goodbye_has_no_will
3.1.2-11 | client | without the Will Flag its other bits are 0 and its fields are absent | connect.flags_that_must_not_be_end_the_connection connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-12 | server | without the Will Flag no will is published | will.a_client_without_a_will_has_none
3.1.2-13 | client | without the Will Flag, Will QoS is 0 | connect.flags_that_must_not_be_end_the_connection
3.1.2-14 | client | Will QoS is never 3 | connect.flags_that_must_not_be_end_the_connection
3.1.2-15 | client | without the Will Flag, Will Retain is 0 | connect.flags_that_must_not_be_end_the_connection
3.1.2-16 | server | a will without Will Retain is not retained | will.a_will_is_retained_when_it_says_so
3.1.2-17 | server | a will with Will Retain is retained | will.a_will_is_retained_when_it_says_so
3.1.2-18 | client | without its flag there is no user name | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-19 | client | with its flag there is a user name | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-20 | client | without its flag there is no password | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-21 | client | with its flag there is a password | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-22 | client | no password without a user name | connect.a_password_needs_no_user_name_in_5_0_only
3.1.2-23 | client | something is sent within each keep alive, a PINGREQ if nothing else | keepalive.any_packet_of_the_client_keeps_it_alive
3.1.2-24 | server | a client that is silent for one and a half times its keep alive is disconnected | keepalive.a_silent_client_is_ended_after_one_and_a_half_times_its_keep_alive keepalive.what_the_broker_sends_does_not_keep_a_client_alive
3.1.3-1 | client | identifier, will topic, will message, user name and password come in this order | connect.fields_that_the_flags_do_not_say_end_the_connection will.a_client_that_is_lost_has_its_will_published
3.1.3-2 | both | the client identifier is what a session is known by | session.a_kept_session_has_its_subscriptions_and_the_messages_since connect.session_present_says_whether_there_is_one
3.1.3-3 | client | the client identifier is there and comes first | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.3-4 | client | the client identifier is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.3-5 | server | identifiers of 1 to 23 digits and letters are taken | connect.client_identifiers_of_1_to_23_letters_and_digits_are_taken
3.1.3-6 | server | a client with an empty identifier gets one that nobody else has | connect.clients_without_an_identifier_are_kept_apart
3.1.3-7 | client | an empty identifier needs CleanSession | connect.an_empty_client_identifier_without_a_clean_session_is_refused
3.1.3-8 | server | an empty identifier without CleanSession is refused with code 2, then closed | connect.an_empty_client_identifier_without_a_clean_session_is_refused
3.1.3-9 | server | an identifier that is not taken is refused with code 2, then closed | connect.an_empty_client_identifier_without_a_clean_session_is_refused connect.a_client_identifier_over_the_limit_is_refused
3.1.3-10 | client | the will topic is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.3-11 | client | the user name is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.4-1 | server | a CONNECT that is not well formed is closed without a CONNACK | connect.flags_that_must_not_be_end_the_connection connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.4-2 | server | a second connection of a client ends its first one | connect.a_second_connection_ends_the_first connect.a_take_over_between_workers_and_versions_ends_the_first
3.1.4-3 | server | CleanSession does what it says | session.a_clean_start_drops_what_was_kept session.a_kept_session_has_its_subscriptions_and_the_messages_since
3.1.4-4 | server | an accepted CONNECT is answered with code 0 | connect.versions_before_5_0_get_a_connack_of_two_bytes
3.1.4-5 | server | what comes behind a refused CONNECT is not looked at | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.0-1 | server | CONNACK is the first packet that a client gets | connect.what_comes_right_behind_connect_is_heard
3.2.2-1 | server | with CleanSession, Session Present is 0 | connect.session_present_says_whether_there_is_one
3.2.2-2 | server | without it, Session Present is 1 when there is a session | connect.session_present_says_whether_there_is_one
3.2.2-3 | server | and 0 when there is none | connect.session_present_says_whether_there_is_one
3.2.2-4 | server | a refusal has Session Present 0 | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.2-5 | server | after a refusal the connection is closed | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.2-6 | server | where no code fits, the connection is closed without a CONNACK | connect.flags_that_must_not_be_end_the_connection
3.3.1-1 | both | a PUBLISH that is sent again has DUP | session.what_was_not_acknowledged_is_sent_again_once_connected_again
3.3.1-2 | both | QoS 0 never has DUP | publish.dup_with_qos_0_ends_the_connection publish.the_lower_quality_is_delivered_by_its_own_exchange
3.3.1-3 | server | DUP of what came in says nothing about what goes out | publish.a_qos_1_message_sent_twice_is_a_new_message
3.3.1-4 | both | QoS 3 is never sent, and ends the connection | publish.qos_3_ends_the_connection
3.3.1-5 | server | a message with RETAIN is kept with its quality, for later subscriptions | retained.a_new_subscription_gets_the_last_retained_message
3.3.1-6 | server | a new subscription gets the last retained message of each topic that it matches | retained.a_new_subscription_gets_the_last_retained_message retained.a_wildcard_gets_all_that_it_matches_and_no_dollar_topics
3.3.1-7 | server | a retained message of QoS 0 replaces the one before | retained.a_new_subscription_gets_the_last_retained_message
3.3.1-8 | server | RETAIN is set on what comes because of a new subscription | retained.a_new_subscription_gets_the_last_retained_message
3.3.1-9 | server | RETAIN is not set on what comes because of an old one | retained.a_subscription_that_was_there_gets_it_as_any_other_message
3.3.1-10 | server | an empty message with RETAIN is delivered, and removes the retained one | retained.an_empty_message_removes_it_and_is_not_kept
3.3.1-11 | server | an empty message is not kept itself | retained.an_empty_message_removes_it_and_is_not_kept
3.3.1-12 | server | a message without RETAIN leaves the retained one alone | retained.a_message_that_is_not_retained_leaves_it_alone
3.3.2-1 | client | PUBLISH begins with its topic, in UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.3.2-2 | client | a topic name has no wildcards | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection
3.3.2-3 | server | what a subscriber gets matches its filter | subscribe.filters_match_as_the_standard_says
3.3.4-1 | both | each quality has its own answer: none, PUBACK, PUBREC | publish.the_lower_quality_is_delivered_by_its_own_exchange
3.3.5-1 | server | with overlapping filters the highest quality counts | subscribe.overlapping_filters_give_the_highest_quality
3.3.5-2 | server | a PUBLISH that is not allowed is acknowledged or ends the connection | system.a_client_cannot_write_sys_topics system.strict_ends_the_connection_of_who_publishes_retained_messages
3.6.1-1 | both | PUBREL has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.8.1-1 | client | SUBSCRIBE has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.8.3-1 | client | filters of SUBSCRIBE are UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection
3.8.3-2 | server | who has no wildcards refuses filters with them | no: this broker has wildcards (subscribe: filters match as the standard says)
3.8.3-3 | client | SUBSCRIBE has at least one filter and its quality | packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.8.3-4 | server | reserved bits beside the quality, and quality 3, end the connection | subscribe.reserved_bits_of_the_options_end_the_connection subscribe.options_of_5_0_are_reserved_bits_before
3.8.4-1 | server | SUBSCRIBE is answered with SUBACK | subscribe.every_filter_is_answered_in_its_order
3.8.4-2 | server | SUBACK has the identifier of its SUBSCRIBE | subscribe.every_filter_is_answered_in_its_order
3.8.4-3 | server | the same filter again replaces the subscription, gets the retained messages again and loses nothing | subscribe.the_same_filter_again_replaces_the_subscription subscribe.replacing_a_subscription_loses_no_message retained.the_same_subscription_again_gets_it_again
3.8.4-4 | server | many filters in one SUBSCRIBE are as many subscriptions with one answer | subscribe.many_filters_are_as_many_subscribes
3.8.4-5 | server | SUBACK has a code for each filter: the quality, or that it failed | subscribe.every_filter_is_answered_in_its_order subscribe.subscriptions_over_the_limit_are_refused_one_by_one
3.8.4-6 | server | the lower of the published and the granted quality is delivered | publish.the_lower_quality_is_delivered_by_its_own_exchange
3.9.3-1 | server | the codes come in the order of the filters | subscribe.every_filter_is_answered_in_its_order
3.9.3-2 | server | no other codes than 0, 1, 2 and 0x80 | subscribe.subscriptions_over_the_limit_are_refused_one_by_one
3.10.1-1 | client | UNSUBSCRIBE has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.10.3-1 | client | filters of UNSUBSCRIBE are UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection
3.10.3-2 | client | UNSUBSCRIBE has at least one filter | packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.10.4-1 | server | filters are compared character by character, and the one that is equal is deleted | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-2 | server | no new messages are added for it | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-3 | server | messages that have begun are finished | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-4 | server | UNSUBSCRIBE is answered with UNSUBACK and its identifier | subscribe.every_filter_is_answered_in_its_order
3.10.4-5 | server | also when there was nothing to delete | subscribe.unsubscribing_what_was_not_subscribed_is_answered
3.10.4-6 | server | many filters in one UNSUBSCRIBE are as many requests with one answer | subscribe.many_filters_are_as_many_subscribes
3.12.4-1 | server | PINGREQ is answered with PINGRESP | keepalive.every_ping_is_answered
3.14.1-1 | server | reserved bits of DISCONNECT are looked at | packets.a_wrong_reserved_bit_ends_the_connection
3.14.4-1 | client | after DISCONNECT the client closes | no: the client closes; the broker does so too (session: nothing behind disconnect is heard)
3.14.4-2 | client | after DISCONNECT the client sends nothing | session.nothing_behind_disconnect_is_heard
3.14.4-3 | server | DISCONNECT drops the will | will.a_client_that_says_goodbye_has_no_will
4.1.0-1 | both | a session's state is kept for as long as it lasts | session.a_kept_session_has_its_subscriptions_and_the_messages_since session.a_released_message_is_released_again_and_not_sent_again
4.1.0-2 | both | a session lasts at least as long as its connection | session.a_session_that_is_taken_over_goes_on session.a_session_without_an_expiry_ends_with_its_connection
4.3.1-1 | both | QoS 0 is one PUBLISH without DUP | publish.the_lower_quality_is_delivered_by_its_own_exchange
4.3.2-1 | both | the sender of QoS 1 takes a free identifier, begins without DUP, and waits for PUBACK | publish.identifiers_of_messages_on_the_way_are_unused_ones session.what_was_not_acknowledged_is_sent_again_once_connected_again
4.3.2-2 | both | the receiver of QoS 1 answers with PUBACK, and takes the same identifier afterwards for a new message | publish.each_exchange_keeps_its_packet_identifier publish.a_qos_1_message_sent_twice_is_a_new_message
4.3.3-1 | both | the sender of QoS 2 takes a free identifier, waits for PUBREC, sends PUBREL and waits for PUBCOMP, and never goes back | publish.each_exchange_keeps_its_packet_identifier session.a_released_message_is_released_again_and_not_sent_again
4.3.3-2 | both | the receiver of QoS 2 answers each PUBLISH with PUBREC, delivers once, and answers PUBREL with PUBCOMP | publish.a_qos_2_message_sent_twice_is_delivered_once
4.4.0-1 | both | without CleanSession, what is not acknowledged is sent again after reconnecting, under the same identifiers | session.what_was_not_acknowledged_is_sent_again_once_connected_again session.a_released_message_is_released_again_and_not_sent_again
4.5.0-1 | server | a message that was taken goes into the session of each matching subscriber | publish.one_message_reaches_everybody_once session.a_kept_session_has_its_subscriptions_and_the_messages_since
4.5.0-2 | client | a client acknowledges what it gets, whatever it does with it | no: a client's duty; one that does not is held by the window (flow_control: no more messages are on the way than the client takes)
4.6.0-1 | both | messages are sent again in their first order | session.what_was_not_acknowledged_is_sent_again_once_connected_again
4.6.0-2 | both | PUBACKs come in the order of the messages | publish.acknowledgements_come_in_the_order_of_the_messages
4.6.0-3 | both | PUBRECs come in the order of the messages | publish.acknowledgements_come_in_the_order_of_the_messages
4.6.0-4 | both | PUBRELs come in the order of the PUBRECs | publish.pubrels_come_in_the_order_of_the_pubrecs
4.6.0-5 | server | every topic is ordered unless somebody says otherwise | publish.messages_of_one_sender_come_in_their_order
4.6.0-6 | server | messages of one client in one topic and quality come in their order | publish.messages_of_one_sender_come_in_their_order
4.7.1-1 | both | wildcards are for filters, not for names | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection
4.7.1-2 | both | `#` stands alone in the last level | subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused subscribe.filters_match_as_the_standard_says
4.7.1-3 | both | `+` fills its level | subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused subscribe.filters_match_as_the_standard_says
4.7.2-1 | server | a wildcard at the start matches no topic that begins with `$` | subscribe.wildcards_at_the_start_do_not_match_dollar_topics system.sys_topics_do_not_come_to_who_asks_for_everything
4.7.3-1 | both | names and filters have at least one character | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused
4.7.3-2 | both | names and filters have no U+0000 | packets.a_text_that_is_not_utf_8_ends_the_connection
4.7.3-3 | both | names and filters have at most 65,535 bytes | publish.the_longest_topic_name_arrives
4.7.3-4 | server | nothing is normalised or replaced in names and filters | subscribe.filters_match_as_the_standard_says packets.a_zero_width_no_break_space_is_text_like_any_other
4.8.0-1 | both | a breach of the protocol ends the connection that it came on | packets.one_bad_client_ends_nobody_else packets.a_body_that_is_too_short_or_too_long_ends_the_connection publish.an_acknowledgement_of_the_wrong_kind_ends_the_connection
4.8.0-2 | both | a packet that cannot be dealt with for the moment ends the connection that it came on | packets.a_packet_over_the_limit_ends_the_connection_before_it_is_whole
6.0.0-1 | both | MQTT goes in binary frames; others end the connection | websocket.a_wrong_frame_ends_it_with_its_code
6.0.0-2 | both | frames and packets need not begin or end together | websocket.many_packets_in_one_frame_and_one_packet_in_many websocket.frames_that_come_in_single_bytes
6.0.0-3 | client | the client offers the sub-protocol `mqtt` | websocket.a_wrong_request_is_answered_and_closed
6.0.0-4 | server | the server answers with the sub-protocol `mqtt` | websocket.both_names_of_the_sub_protocol
7.0.0-1 | server | a server that connects to others is a client too | no: this broker opens no MQTT connections
7.0.0-2 | both | nothing outside the standard is needed to work together | connect.each_version_is_spoken serve.mosquitto_clients_exchange_messages_through_each_domain
7.1.1-1 | server | the transport is an ordered stream without loss | packets.a_packet_in_any_pieces_is_the_same_packet
7.1.2-1 | client | the transport is an ordered stream without loss | no: the client's choice of transport
"""
