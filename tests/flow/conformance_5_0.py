"""MQTT 5.0, statement by statement; conformance_3_1_1.py says how to read it."""

# 4.2-1 is 4.2.0-1 in the standard's appendix.
NUMBERS = """1.5.4: 1-3; 1.5.5: 1; 1.5.7: 1; 2.1.3: 1; 2.2.1: 2-6; 2.2.2: 1; 3.1.0: 1-2; 3.1.2: 1-30; 3.1.3: 1-12; 3.1.4: 1-6; 3.2.0: 1-2;
3.2.2: 1-22; 3.3.1: 1-13; 3.3.2: 1-20; 3.3.4: 1-10; 3.4.2: 1-3; 3.5.2: 1-3; 3.6.1: 1; 3.6.2: 1-3; 3.7.2: 1-3; 3.8.1: 1; 3.8.3: 1-5;
3.8.4: 1-8; 3.9.2: 1-2; 3.9.3: 1-2; 3.10.1: 1; 3.10.3: 1-2; 3.10.4: 1-6; 3.11.2: 1-2; 3.11.3: 1-2; 3.12.4: 1; 3.14.0: 1;
3.14.1: 1; 3.14.2: 1-4; 3.14.4: 1-3; 3.15.1: 1; 3.15.2: 1-3; 4.1.0: 1-2; 4.2: 1; 4.3.1: 1; 4.3.2: 1-5; 4.3.3: 1-13; 4.4.0: 1-2;
4.5.0: 1-2; 4.6.0: 1-6; 4.7.0: 1; 4.7.1: 1-2; 4.7.2: 1; 4.7.3: 1-4; 4.8.2: 1-6; 4.9.0: 1-3; 4.12.0: 1-7; 4.12.1: 1-2; 4.13.1: 1;
4.13.2: 1; 6.0.0: 1-4"""

ROWS = """
1.5.4-1 | both | texts are well-formed UTF-8 without surrogates | packets.a_text_that_is_not_utf_8_ends_the_connection packets.a_property_that_is_not_utf_8_ends_the_connection
1.5.4-2 | both | texts have no U+0000 | packets.a_text_that_is_not_utf_8_ends_the_connection packets.a_property_that_is_not_utf_8_ends_the_connection
1.5.4-3 | both | the bytes EF BB BF are U+FEFF anywhere and stay where they are | packets.a_zero_width_no_break_space_is_text_like_any_other
1.5.5-1 | both | a variable byte integer is no longer than it need be | packets.a_property_length_that_is_too_long_a_number_ends_the_connection subscribe.messages_carry_the_identifier_of_their_subscription
1.5.7-1 | both | both halves of a pair are such texts | packets.a_property_that_is_not_utf_8_ends_the_connection
2.1.3-1 | both | reserved bits have the values of the table | packets.a_wrong_reserved_bit_ends_the_connection
2.2.1-2 | both | PUBLISH with QoS 0 has no identifier | publish.the_lower_quality_is_delivered_by_its_own_exchange
2.2.1-3 | client | a new request has an identifier other than 0 that is not in use | packets.packet_identifier_0_ends_the_connection
2.2.1-4 | server | a new PUBLISH has an identifier other than 0 that is not in use | publish.identifiers_of_messages_on_the_way_are_unused_ones
2.2.1-5 | both | acknowledgements carry the identifier of their PUBLISH | publish.each_exchange_keeps_its_packet_identifier
2.2.1-6 | server | SUBACK and UNSUBACK carry the identifier of their request | subscribe.every_filter_is_answered_in_its_order
2.2.2-1 | both | no properties is a length of 0 | packets.a_body_that_is_too_short_or_too_long_ends_the_connection publish.the_lower_quality_is_delivered_by_its_own_exchange
3.1.0-1 | client | the first packet of a connection is CONNECT | connect.a_first_packet_that_is_no_connect_ends_the_connection_without_a_word
3.1.0-2 | server | a second CONNECT is a protocol error | connect.a_second_connect_ends_the_connection
3.1.2-1 | both | the protocol name is `MQTT`; with another one the connection ends | connect.another_protocol_name_is_not_spoken
3.1.2-2 | server | a version that is not spoken ends the connection, after 0x84 | connect.a_level_that_is_not_spoken_is_answered_in_the_client_s_words
3.1.2-3 | server | the reserved flag is looked at | connect.flags_that_must_not_be_end_the_connection
3.1.2-4 | both | Clean Start drops what was there | session.a_clean_start_drops_what_was_kept
3.1.2-5 | server | without it the session goes on | session.a_kept_session_has_its_subscriptions_and_the_messages_since
3.1.2-6 | server | or one begins | connect.session_present_says_whether_there_is_one
3.1.2-7 | server | a will is kept with the session | will.a_will_waits_for_its_delay
3.1.2-8 | server | it is published once the connection has ended and its delay or the session is over, unless a normal DISCONNECT came or the client came back | will.a_client_that_is_lost_has_its_will_published will.a_will_waits_for_its_delay will.a_will_does_not_outwait_its_session will.a_client_that_comes_back_in_time_has_no_will
3.1.2-9 | client | with the Will Flag there are will properties, topic and payload | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-10 | server | a will is gone once it was published or a normal DISCONNECT came | will.a_will_goes_with_its_connection will.a_client_that_says_goodbye_has_no_will
3.1.2-11 | client | without the Will Flag, Will QoS is 0 | connect.flags_that_must_not_be_end_the_connection
3.1.2-12 | client | Will QoS is 0, 1 or 2 | connect.flags_that_must_not_be_end_the_connection will.a_client_that_is_lost_has_its_will_published
3.1.2-13 | client | without the Will Flag, Will Retain is 0 | connect.flags_that_must_not_be_end_the_connection
3.1.2-14 | server | a will without Will Retain is not retained | will.a_will_is_retained_when_it_says_so
3.1.2-15 | server | a will with Will Retain is retained | will.a_will_is_retained_when_it_says_so
3.1.2-16 | client | without its flag there is no user name | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-17 | client | with its flag there is a user name | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-18 | client | without its flag there is no password | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-19 | client | with its flag there is a password | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.2-20 | client | something is sent within each keep alive, a PINGREQ if nothing else | keepalive.any_packet_of_the_client_keeps_it_alive
3.1.2-21 | client | a Server Keep Alive takes the place of the client's | keepalive.a_server_keep_alive_replaces_the_client_s
3.1.2-22 | server | a client that is silent for one and a half times its keep alive is disconnected | keepalive.a_silent_client_is_ended_after_one_and_a_half_times_its_keep_alive keepalive.what_the_broker_sends_does_not_keep_a_client_alive
3.1.2-23 | both | a session with an expiry above 0 is kept when its connection ends | session.a_kept_session_has_its_subscriptions_and_the_messages_since session.a_session_ends_after_its_expiry_and_not_before
3.1.2-24 | server | nothing larger than the client's Maximum Packet Size is sent | connect.a_client_that_takes_no_connack_gets_none flow_control.what_is_too_large_for_a_client_is_dropped_as_if_it_were_delivered flow_control.answers_stay_within_the_client_s_size
3.1.2-25 | server | what is too large is dropped as if it had been delivered | flow_control.what_is_too_large_for_a_client_is_dropped_as_if_it_were_delivered flow_control.what_waits_and_is_too_large_for_the_new_connection_is_dropped
3.1.2-26 | server | no alias above the client's Topic Alias Maximum is sent | flow_control.aliases_to_a_client_are_as_many_as_it_takes
3.1.2-27 | server | no alias at all where that is 0 or absent | flow_control.no_alias_is_sent_to_who_takes_none
3.1.2-28 | server | no Response Information where it was not asked for | connect.nothing_is_said_that_the_client_did_not_ask_for
3.1.2-29 | server | no reasons and user properties in answers to who wants no problem information | flow_control.no_problem_information_is_sent_to_who_wants_none
3.1.2-30 | client | between CONNECT with a method and CONNACK only AUTH and DISCONNECT are sent | no: this broker has no method, so such a CONNECT is refused (connect: an authentication method is refused)
3.1.3-1 | client | identifier, will properties, will topic, will payload, user name and password come in this order | connect.fields_that_the_flags_do_not_say_end_the_connection will.a_will_carries_its_properties
3.1.3-2 | both | the client identifier is what a session is known by | session.a_kept_session_has_its_subscriptions_and_the_messages_since
3.1.3-3 | client | the client identifier is there and comes first | connect.fields_that_the_flags_do_not_say_end_the_connection
3.1.3-4 | client | the client identifier is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.3-5 | server | identifiers of 1 to 23 digits and letters are taken | connect.client_identifiers_of_1_to_23_letters_and_digits_are_taken
3.1.3-6 | server | a client with an empty identifier gets one that nobody else has | connect.a_client_without_an_identifier_is_told_its_own_and_can_come_back_with_it
3.1.3-7 | server | it is told, and everything else is as if it had been the client's own | connect.a_client_without_an_identifier_is_told_its_own_and_can_come_back_with_it connect.clients_without_an_identifier_are_kept_apart
3.1.3-8 | server | an identifier that is not taken ends the connection, after 0x85 | connect.a_field_that_is_not_utf_8_ends_the_connection connect.a_client_identifier_over_the_limit_is_refused
3.1.3-9 | server | who comes back within its Will Delay has no will published | will.a_client_that_comes_back_in_time_has_no_will will.a_take_over_without_a_clean_start_drops_a_delayed_will
3.1.3-10 | server | user properties of a will keep their order | will.a_will_carries_its_properties
3.1.3-11 | client | the will topic is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.3-12 | client | the user name is UTF-8 | connect.a_field_that_is_not_utf_8_ends_the_connection
3.1.4-1 | server | a CONNECT that is not well formed ends the connection | connect.fields_that_the_flags_do_not_say_end_the_connection connect.an_unknown_property_is_malformed
3.1.4-2 | server | a client that may not connect is disconnected | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.1.4-3 | server | a second connection of a client ends its first one, which is told 0x8E | connect.a_second_connection_ends_the_first connect.a_take_over_between_workers_and_versions_ends_the_first
3.1.4-4 | server | Clean Start does what it says | session.a_clean_start_drops_what_was_kept
3.1.4-5 | server | an accepted CONNECT is answered with reason 0 | connect.each_version_is_spoken
3.1.4-6 | server | what comes behind a refused CONNECT is not looked at | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.0-1 | server | CONNACK is the first packet that a client gets | connect.what_comes_right_behind_connect_is_heard
3.2.0-2 | server | there is one CONNACK on a connection | connect.what_comes_right_behind_connect_is_heard
3.2.2-1 | server | reserved bits of CONNACK are 0 | connect.session_present_says_whether_there_is_one
3.2.2-2 | server | with Clean Start, Session Present is 0 | connect.session_present_says_whether_there_is_one
3.2.2-3 | server | without it, Session Present says whether there is a session | connect.session_present_says_whether_there_is_one
3.2.2-4 | client | a client without state closes when Session Present is 1 | no: what a client does with its own state
3.2.2-5 | client | a client with state drops it when Session Present is 0 | no: what a client does with its own state
3.2.2-6 | server | a refusal has Session Present 0 | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.2-7 | server | after a refusal the connection is closed | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.2-8 | server | CONNACK has no other reasons than its own | connect.an_authentication_method_is_refused connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard
3.2.2-9 | server | a server without QoS 1 or 2 says so | no: this broker has all three (connect: each version is spoken)
3.2.2-10 | server | such a server takes SUBSCRIBE with any quality | no: this broker has all three
3.2.2-11 | client | a client keeps to the Maximum QoS | no: this broker announces none
3.2.2-12 | server | a will of a quality that is not supported is refused | no: this broker has all three; quality 3 is malformed (connect: flags that must not be end the connection)
3.2.2-13 | server | a retained will is refused where nothing is retained | system.strict_refuses_a_will
3.2.2-14 | client | no RETAIN is sent to a server that retains nothing | system.strict_ends_the_connection_of_who_publishes_retained_messages system.strict_says_what_it_does_not_have
3.2.2-15 | client | nothing larger than the server's Maximum Packet Size is sent | packets.a_packet_over_the_limit_ends_the_connection_before_it_is_whole
3.2.2-16 | server | an empty identifier is answered with an Assigned Client Identifier that is new | connect.a_client_without_an_identifier_is_told_its_own_and_can_come_back_with_it
3.2.2-17 | client | no alias above the server's Topic Alias Maximum is sent | flow_control.an_alias_that_was_not_announced_ends_the_connection
3.2.2-18 | client | no alias at all where that is 0 or absent | flow_control.an_alias_that_was_not_announced_ends_the_connection
3.2.2-19 | server | a Reason String that makes CONNACK too large is left out | connect.a_refusal_fits_what_the_client_takes
3.2.2-20 | server | user properties that make CONNACK too large are left out | connect.connack_leaves_out_what_does_not_fit
3.2.2-21 | client | a Server Keep Alive takes the place of the client's | keepalive.a_server_keep_alive_replaces_the_client_s
3.2.2-22 | server | without it the client's own counts | keepalive.a_silent_client_is_ended_after_one_and_a_half_times_its_keep_alive
3.3.1-1 | both | a PUBLISH that is sent again has DUP | session.what_was_not_acknowledged_is_sent_again_once_connected_again
3.3.1-2 | both | QoS 0 never has DUP | publish.dup_with_qos_0_ends_the_connection publish.the_lower_quality_is_delivered_by_its_own_exchange
3.3.1-3 | server | DUP of what came in says nothing about what goes out | publish.a_qos_1_message_sent_twice_is_a_new_message
3.3.1-4 | both | QoS 3 is never sent | publish.qos_3_ends_the_connection
3.3.1-5 | server | a message with RETAIN replaces the retained one of its topic | retained.a_new_subscription_gets_the_last_retained_message
3.3.1-6 | server | an empty one is delivered and removes it | retained.an_empty_message_removes_it_and_is_not_kept
3.3.1-7 | server | an empty one is not kept itself | retained.an_empty_message_removes_it_and_is_not_kept
3.3.1-8 | server | a message without RETAIN leaves the retained one alone | retained.a_message_that_is_not_retained_leaves_it_alone
3.3.1-9 | server | Retain Handling 0: a subscription gets the retained messages | retained.retain_handling_says_when_it_comes
3.3.1-10 | server | 1: only if it is new | retained.retain_handling_says_when_it_comes
3.3.1-11 | server | 2: never | retained.retain_handling_says_when_it_comes
3.3.1-12 | server | without Retain As Published, RETAIN is cleared on what is handed on | retained.retain_as_published_keeps_the_bit
3.3.1-13 | server | with it, RETAIN is as it was published | retained.retain_as_published_keeps_the_bit
3.3.2-1 | client | PUBLISH begins with its topic, in UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.3.2-2 | client | a topic name has no wildcards | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection
3.3.2-3 | server | what a subscriber gets matches its filter | subscribe.filters_match_as_the_standard_says
3.3.2-4 | server | the Payload Format Indicator is handed on | properties.properties_arrive_unaltered_and_user_properties_in_their_order
3.3.2-5 | server | what has expired before its delivery began is not delivered | properties.a_message_that_has_expired_is_not_sent_and_others_are properties.expiry_in_waiting_makes_room_in_the_window
3.3.2-6 | server | the Message Expiry Interval that is handed on is less by the time of waiting | properties.a_message_says_how_long_it_has_still_to_live
3.3.2-7 | both | aliases end with their connection | flow_control.aliases_end_with_their_connection flow_control.what_is_sent_again_has_its_topic_again
3.3.2-8 | both | alias 0 is never sent | flow_control.an_alias_that_was_not_announced_ends_the_connection flow_control.aliases_to_a_client_are_as_many_as_it_takes
3.3.2-9 | client | no alias above what CONNACK said | flow_control.an_alias_that_was_not_announced_ends_the_connection
3.3.2-10 | client | a client takes every alias that it has allowed | no: what a client takes; the broker sends none that it has not (flow_control: aliases to a client are as many as it takes)
3.3.2-11 | server | no alias above what CONNECT said | flow_control.aliases_to_a_client_are_as_many_as_it_takes flow_control.no_alias_is_sent_to_who_takes_none
3.3.2-12 | server | every alias that CONNACK allowed is taken | flow_control.an_alias_stands_for_its_topic_until_it_stands_for_another
3.3.2-13 | client | the Response Topic is UTF-8 | packets.a_property_that_is_not_utf_8_ends_the_connection
3.3.2-14 | client | the Response Topic has no wildcards | properties.a_response_topic_that_is_no_topic_name_ends_the_connection
3.3.2-15 | server | the Response Topic is handed on | properties.properties_arrive_unaltered_and_user_properties_in_their_order properties.an_answer_finds_its_way_by_response_topic_and_correlation
3.3.2-16 | server | Correlation Data is handed on | properties.properties_arrive_unaltered_and_user_properties_in_their_order properties.an_answer_finds_its_way_by_response_topic_and_correlation
3.3.2-17 | server | user properties are handed on | properties.properties_arrive_unaltered_and_user_properties_in_their_order properties.properties_are_kept_with_what_waits
3.3.2-18 | server | in their order | properties.properties_arrive_unaltered_and_user_properties_in_their_order
3.3.2-19 | client | the Content Type is UTF-8 | packets.a_property_that_is_not_utf_8_ends_the_connection
3.3.2-20 | server | the Content Type is handed on | properties.properties_arrive_unaltered_and_user_properties_in_their_order
3.3.4-1 | both | each quality has its own answer: none, PUBACK, PUBREC | publish.the_lower_quality_is_delivered_by_its_own_exchange
3.3.4-2 | server | with overlapping filters the highest quality counts | subscribe.overlapping_filters_give_the_highest_quality
3.3.4-3 | server | the identifiers of overlapping subscriptions come with the message | subscribe.messages_carry_the_identifiers_of_all_their_subscriptions
3.3.4-4 | server | all of them, when the message comes once | subscribe.messages_carry_the_identifiers_of_all_their_subscriptions
3.3.4-5 | server | the one of its subscription, when it comes once for each | subscribe.messages_carry_the_identifiers_of_all_their_subscriptions shared.each_member_has_its_own_quality_and_identifier
3.3.4-6 | client | a client's PUBLISH has no subscription identifier | subscribe.a_publish_of_a_client_must_not_have_a_subscription_identifier
3.3.4-7 | client | no more than the server's Receive Maximum is on the way | flow_control.more_messages_than_announced_end_the_connection flow_control.what_is_released_makes_room
3.3.4-8 | client | other packets do not wait for room | no: what a client sends when; the broker takes it (flow_control: more messages than announced end the connection pings in a full window)
3.3.4-9 | server | no more than the client's Receive Maximum is on the way | flow_control.no_more_messages_are_on_the_way_than_the_client_takes flow_control.the_window_holds_for_what_is_sent_again flow_control.a_refusal_makes_room_like_an_acknowledgement
3.3.4-10 | server | other packets do not wait for room | flow_control.no_more_messages_are_on_the_way_than_the_client_takes
3.4.2-1 | both | PUBACK has no other reasons than its own | publish.an_acknowledgement_with_a_code_that_is_none_of_its_own_ends_the_connection publish.a_message_for_nobody_is_accepted
3.4.2-2 | both | a Reason String that makes PUBACK too large is left out | flow_control.answers_stay_within_the_client_s_size
3.4.2-3 | both | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.5.2-1 | both | PUBREC has no other reasons than its own | publish.an_acknowledgement_with_a_code_that_is_none_of_its_own_ends_the_connection publish.a_message_for_nobody_is_accepted
3.5.2-2 | both | a Reason String that makes PUBREC too large is left out | flow_control.answers_stay_within_the_client_s_size
3.5.2-3 | both | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.6.1-1 | both | PUBREL has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.6.2-1 | both | PUBREL has no other reasons than its own | publish.an_acknowledgement_with_a_code_that_is_none_of_its_own_ends_the_connection publish.an_unknown_identifier_is_answered_with_not_found
3.6.2-2 | both | a Reason String that makes PUBREL too large is left out | flow_control.answers_stay_within_the_client_s_size
3.6.2-3 | both | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.7.2-1 | both | PUBCOMP has no other reasons than its own | publish.an_acknowledgement_with_a_code_that_is_none_of_its_own_ends_the_connection publish.an_unknown_identifier_is_answered_with_not_found
3.7.2-2 | both | a Reason String that makes PUBCOMP too large is left out | flow_control.answers_stay_within_the_client_s_size
3.7.2-3 | both | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.8.1-1 | client | SUBSCRIBE has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.8.3-1 | client | filters of SUBSCRIBE are UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection
3.8.3-2 | client | SUBSCRIBE has at least one filter and its options | packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.8.3-3 | server | No Local keeps a client's own messages from it | subscribe.no_local_keeps_a_client_s_own_messages_from_it subscribe.no_local_counts_by_client_not_by_connection
3.8.3-4 | client | No Local does not go with a shared subscription | shared.no_local_on_a_shared_subscription_ends_the_connection
3.8.3-5 | server | reserved bits of the options make SUBSCRIBE malformed | subscribe.reserved_bits_of_the_options_end_the_connection subscribe.retain_handling_3_ends_the_connection
3.8.4-1 | server | SUBSCRIBE is answered with SUBACK | subscribe.every_filter_is_answered_in_its_order
3.8.4-2 | server | SUBACK has the identifier of its SUBSCRIBE | subscribe.every_filter_is_answered_in_its_order
3.8.4-3 | server | the same filter again replaces the subscription | subscribe.the_same_filter_again_replaces_the_subscription subscribe.a_new_identifier_replaces_the_old_one_and_none_removes_it
3.8.4-4 | server | it gets the retained messages again with Retain Handling 0, and loses nothing | retained.retain_handling_says_when_it_comes subscribe.replacing_a_subscription_loses_no_message
3.8.4-5 | server | many filters in one SUBSCRIBE are as many subscriptions with one answer | subscribe.many_filters_are_as_many_subscribes
3.8.4-6 | server | SUBACK has a reason for each filter | subscribe.every_filter_is_answered_in_its_order
3.8.4-7 | server | it is the quality, or why it failed | subscribe.every_filter_is_answered_in_its_order subscribe.subscriptions_over_the_limit_are_refused_one_by_one
3.8.4-8 | server | the lower of the published and the granted quality is delivered | publish.the_lower_quality_is_delivered_by_its_own_exchange
3.9.2-1 | server | a Reason String that makes SUBACK too large is left out | flow_control.answers_stay_within_the_client_s_size
3.9.2-2 | server | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.9.3-1 | server | the reasons come in the order of the filters | subscribe.every_filter_is_answered_in_its_order
3.9.3-2 | server | SUBACK has no other reasons than its own | subscribe.subscriptions_over_the_limit_are_refused_one_by_one shared.a_shared_filter_that_is_none_is_refused
3.10.1-1 | client | UNSUBSCRIBE has the flags 0010; others end the connection | packets.a_wrong_reserved_bit_ends_the_connection
3.10.3-1 | client | filters of UNSUBSCRIBE are UTF-8 | packets.a_text_that_is_not_utf_8_ends_the_connection
3.10.3-2 | client | UNSUBSCRIBE has at least one filter | packets.a_body_that_is_too_short_or_too_long_ends_the_connection
3.10.4-1 | server | filters are compared character by character, and the one that is equal is deleted | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-2 | server | no new messages are added for it | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-3 | server | messages that have begun are finished | subscribe.unsubscribing_ends_what_has_not_begun_and_nothing_else
3.10.4-4 | server | UNSUBSCRIBE is answered with UNSUBACK | subscribe.every_filter_is_answered_in_its_order
3.10.4-5 | server | with its identifier, also when there was nothing to delete | subscribe.unsubscribing_what_was_not_subscribed_is_answered
3.10.4-6 | server | many filters in one UNSUBSCRIBE are as many requests with one answer | subscribe.many_filters_are_as_many_subscribes
3.11.2-1 | server | a Reason String that makes UNSUBACK too large is left out | flow_control.answers_stay_within_the_client_s_size
3.11.2-2 | server | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.11.3-1 | server | the reasons come in the order of the filters | subscribe.every_filter_is_answered_in_its_order
3.11.3-2 | server | UNSUBACK has no other reasons than its own | subscribe.every_filter_is_answered_in_its_order subscribe.unsubscribing_what_was_not_subscribed_is_answered
3.12.4-1 | server | PINGREQ is answered with PINGRESP | keepalive.every_ping_is_answered
3.14.0-1 | server | no DISCONNECT before an accepting CONNACK | connect.a_first_packet_that_is_no_connect_ends_the_connection_without_a_word connect.flags_that_must_not_be_end_the_connection
3.14.1-1 | both | reserved bits of DISCONNECT are looked at: 0x81 | packets.a_wrong_reserved_bit_ends_the_connection
3.14.2-1 | both | DISCONNECT has no other reasons than its own | session.every_disconnect_of_a_client_is_answered_by_the_end session.a_disconnect_with_a_code_that_no_client_may_send_ends_the_connection_too
3.14.2-2 | server | the server's DISCONNECT has no Session Expiry Interval | connect.a_second_connection_ends_the_first packets.a_wrong_reserved_bit_ends_the_connection
3.14.2-3 | both | a Reason String that makes DISCONNECT too large is left out | flow_control.answers_stay_within_the_client_s_size
3.14.2-4 | both | so are user properties | flow_control.answers_stay_within_the_client_s_size
3.14.4-1 | both | nothing is sent after DISCONNECT | connect.a_second_connection_ends_the_first session.nothing_behind_disconnect_is_heard
3.14.4-2 | both | the connection is closed after DISCONNECT | connect.a_second_connection_ends_the_first session.every_disconnect_of_a_client_is_answered_by_the_end
3.14.4-3 | server | a normal DISCONNECT drops the will | will.a_client_that_says_goodbye_has_no_will will.disconnect_with_any_reason_but_0_publishes_it
3.15.1-1 | both | AUTH has the flags 0000; others end the connection | packets.wrong_reserved_bits_of_auth_end_the_connection
3.15.2-1 | both | AUTH has no other reasons than its own | no: this broker sends no AUTH, and takes none (connect: auth of a client without a method ends the connection)
3.15.2-2 | both | a Reason String that makes AUTH too large is left out | no: this broker sends no AUTH
3.15.2-3 | both | so are user properties | no: this broker sends no AUTH
4.1.0-1 | both | a session's state is kept while its connection is open | session.a_session_lives_while_its_connection_does
4.1.0-2 | server | it is dropped once the connection has ended and its expiry is over | session.a_session_ends_after_its_expiry_and_not_before session.a_session_without_an_expiry_ends_with_its_connection
4.2-1 | both | the transport is an ordered stream without loss | packets.a_packet_in_any_pieces_is_the_same_packet
4.3.1-1 | both | QoS 0 is one PUBLISH without DUP | publish.the_lower_quality_is_delivered_by_its_own_exchange
4.3.2-1 | both | QoS 1, sender: a free identifier for each message | publish.identifiers_of_messages_on_the_way_are_unused_ones
4.3.2-2 | both | it begins without DUP | publish.the_lower_quality_is_delivered_by_its_own_exchange
4.3.2-3 | both | it is open until PUBACK | session.what_was_not_acknowledged_is_sent_again_once_connected_again
4.3.2-4 | both | QoS 1, receiver: PUBACK with its identifier | publish.each_exchange_keeps_its_packet_identifier
4.3.2-5 | both | afterwards the identifier is a new message's, whatever DUP says | publish.a_qos_1_message_sent_twice_is_a_new_message
4.3.3-1 | both | QoS 2, sender: a free identifier for each message | publish.identifiers_of_messages_on_the_way_are_unused_ones
4.3.3-2 | both | it begins without DUP | publish.the_lower_quality_is_delivered_by_its_own_exchange
4.3.3-3 | both | it is open until PUBREC | session.what_was_not_acknowledged_is_sent_again_once_connected_again
4.3.3-4 | both | PUBREL with its identifier answers a PUBREC below 0x80 | publish.each_exchange_keeps_its_packet_identifier publish.a_refused_message_is_finished_and_comes_no_more
4.3.3-5 | both | PUBREL is open until PUBCOMP | session.a_released_message_is_released_again_and_not_sent_again
4.3.3-6 | both | PUBLISH is not sent again after PUBREL | session.a_released_message_is_released_again_and_not_sent_again
4.3.3-7 | both | what was sent does not expire | properties.a_message_that_was_sent_does_not_expire
4.3.3-8 | both | QoS 2, receiver: PUBREC with its identifier | publish.each_exchange_keeps_its_packet_identifier
4.3.3-9 | both | after a PUBREC of 0x80 and above the identifier is a new message's | properties.a_refused_identifier_is_free_for_a_new_message
4.3.3-10 | both | until PUBREL the same PUBLISH gets PUBREC again and is not delivered again | publish.a_qos_2_message_sent_twice_is_delivered_once
4.3.3-11 | both | PUBREL is answered with PUBCOMP and its identifier | publish.each_exchange_keeps_its_packet_identifier
4.3.3-12 | both | after PUBCOMP the identifier is a new message's | publish.a_qos_2_message_sent_twice_is_delivered_once
4.3.3-13 | both | the exchange goes on when the message has expired | properties.a_sender_s_exchange_goes_on_when_its_message_has_expired
4.4.0-1 | both | in a session that goes on, what is not acknowledged is sent again under its identifiers, and at no other time | session.what_was_not_acknowledged_is_sent_again_once_connected_again session.a_released_message_is_released_again_and_not_sent_again
4.4.0-2 | both | what was refused counts as acknowledged | publish.a_refused_message_is_finished_and_comes_no_more
4.5.0-1 | server | a message that was taken goes into the session of each matching subscriber | publish.one_message_reaches_everybody_once session.a_kept_session_has_its_subscriptions_and_the_messages_since
4.5.0-2 | client | a client acknowledges what it gets, whatever it does with it | no: a client's duty; one that does not is held by the window (flow_control: no more messages are on the way than the client takes)
4.6.0-1 | client | messages are sent again in their first order | session.what_was_not_acknowledged_is_sent_again_once_connected_again
4.6.0-2 | client | PUBACKs come in the order of the messages | publish.acknowledgements_come_in_the_order_of_the_messages
4.6.0-3 | client | PUBRECs come in the order of the messages | publish.acknowledgements_come_in_the_order_of_the_messages
4.6.0-4 | client | PUBRELs come in the order of the PUBRECs | publish.pubrels_come_in_the_order_of_the_pubrecs
4.6.0-5 | server | messages of one client in one topic and quality come in their order | publish.messages_of_one_sender_come_in_their_order
4.6.0-6 | server | every topic is ordered for subscriptions that are not shared | publish.messages_of_one_sender_come_in_their_order
4.7.0-1 | both | wildcards are for filters, not for names | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection
4.7.1-1 | both | `#` stands alone in the last level | subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused subscribe.filters_match_as_the_standard_says
4.7.1-2 | both | `+` fills its level | subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused subscribe.filters_match_as_the_standard_says
4.7.2-1 | server | a wildcard at the start matches no topic that begins with `$` | subscribe.wildcards_at_the_start_do_not_match_dollar_topics system.sys_topics_do_not_come_to_who_asks_for_everything
4.7.3-1 | both | names and filters have at least one character | publish.a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection subscribe.a_filter_with_a_wildcard_in_the_wrong_place_is_refused
4.7.3-2 | both | names and filters have no U+0000 | packets.a_text_that_is_not_utf_8_ends_the_connection
4.7.3-3 | both | names and filters have at most 65,535 bytes | publish.the_longest_topic_name_arrives
4.7.3-4 | server | nothing is normalised or replaced in names and filters | subscribe.filters_match_as_the_standard_says packets.a_zero_width_no_break_space_is_text_like_any_other
4.8.2-1 | client | a shared filter begins with `$share/` and a name of at least one character | shared.a_shared_filter_that_is_none_is_refused
4.8.2-2 | client | the name has no `/`, `+`, `#`, and `/` and a filter come behind it | shared.a_shared_filter_that_is_none_is_refused
4.8.2-3 | server | each member has the quality that it was granted | shared.each_member_has_its_own_quality_and_identifier
4.8.2-4 | server | QoS 2: what is on the way to a member waits for it | shared.what_was_on_the_way_to_a_member_waits_for_it_and_goes_to_nobody_else
4.8.2-5 | server | QoS 2: and is dropped with its session | shared.what_was_on_the_way_to_a_member_waits_for_it_and_goes_to_nobody_else shared.what_a_member_refuses_or_takes_with_it_goes_to_nobody_else
4.8.2-6 | server | what a member refuses goes to nobody else | shared.what_a_member_refuses_or_takes_with_it_goes_to_nobody_else
4.9.0-1 | both | the send quota begins above 0 and not above the Receive Maximum | flow_control.no_more_messages_are_on_the_way_than_the_client_takes
4.9.0-2 | both | at 0 nothing above QoS 0 is sent | flow_control.no_more_messages_are_on_the_way_than_the_client_takes
4.9.0-3 | both | other packets are sent and answered all the same | flow_control.no_more_messages_are_on_the_way_than_the_client_takes flow_control.messages_of_qos_0_need_no_room
4.12.0-1 | server | a method that is not supported ends the connection, after 0x8C | connect.an_authentication_method_is_refused
4.12.0-2 | server | the server's AUTH during CONNECT has reason 0x18 | no: this broker has no method and sends no AUTH
4.12.0-3 | client | the client's answer has reason 0x18 | no: this broker sends no AUTH that could be answered
4.12.0-4 | server | a refused exchange ends the connection | connect.an_authentication_method_is_refused
4.12.0-5 | both | the method is the same in all packets of the exchange | no: every method is refused at CONNECT (connect: an authentication method is refused)
4.12.0-6 | server | without a method in CONNECT there is no AUTH and none in CONNACK | connect.nothing_is_said_that_the_client_did_not_ask_for
4.12.0-7 | client | without a method in CONNECT the client sends no AUTH | connect.auth_of_a_client_without_a_method_ends_the_connection
4.12.1-1 | client | re-authentication uses the method of CONNECT | no: no connection has a method (connect: an authentication method is refused)
4.12.1-2 | both | a failed re-authentication ends the connection | connect.auth_of_a_client_without_a_method_ends_the_connection
4.13.1-1 | server | a malformed packet or a protocol error ends the connection | packets.a_body_that_is_too_short_or_too_long_ends_the_connection properties.an_unknown_property_ends_the_connection packets.one_bad_client_ends_nobody_else publish.an_acknowledgement_of_the_wrong_kind_ends_the_connection
4.13.2-1 | both | a reason of 0x80 and above in CONNACK or DISCONNECT closes the connection | connect.a_wrong_password_is_refused_and_nothing_behind_it_is_heard packets.a_wrong_reserved_bit_ends_the_connection
6.0.0-1 | both | MQTT goes in binary frames; others end the connection | websocket.a_wrong_frame_ends_it_with_its_code
6.0.0-2 | both | frames and packets need not begin or end together | websocket.many_packets_in_one_frame_and_one_packet_in_many websocket.frames_that_come_in_single_bytes
6.0.0-3 | client | the client offers the sub-protocol `mqtt` | websocket.a_wrong_request_is_answered_and_closed
6.0.0-4 | server | the server answers with the sub-protocol `mqtt` | websocket.both_names_of_the_sub_protocol
"""
