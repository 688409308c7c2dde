# SPDX-License-Identifier: Apache-2.0
"""ExpectedRevision: a change that was made for another configuration than the one that is there changes nothing."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.expect import answered, contents, refused

BUT = ("broker_node", "request_nonce")
AT_ONCE = 8


@pytest.fixture
def identifier(shared, authority):
    return shared.upload(authority.issue("expected.example.com"))


def revision(stack):
    return answered(stack.api.v3("DescribeInstance", {"MqttInstanceId": stack.instance}), "DescribeInstance")["Revision"]


def set_sni(stack, identifier, domain, **params):
    return stack.api.v3("SetSniConfig", {"MqttInstanceId": stack.instance, "DefaultCertificate": identifier,
                                         "SniConfig": f"{domain}#{identifier}", **params})


def set_mode(stack, mode, **params):
    return stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": mode, **params})


@pytest.mark.parametrize("away", [-1, 1, 1_000_000])
def test_a_change_for_another_revision_changes_nothing(shared, identifier, away):
    answered(set_sni(shared, identifier, "a.example.com"), "SetSniConfig")
    now = revision(shared)
    before = contents(shared, BUT)
    for more in ({}, {"DryRun": "true"}):
        refused(set_sni(shared, identifier, "b.example.com", ExpectedRevision=str(now + away), **more), "ConfigRevisionChanged", status=409)
    refused(set_mode(shared, "mutual", ExpectedRevision=str(now + away)), "ConfigRevisionChanged", status=409)
    assert contents(shared, BUT) == before


def test_a_change_for_the_revision_that_is_there_is_made(shared, identifier):
    answered(set_sni(shared, identifier, "a.example.com"), "SetSniConfig")
    now = revision(shared)
    answered(set_sni(shared, identifier, "b.example.com", ExpectedRevision=str(now), DryRun="true"), "SetSniConfig")
    answered(set_sni(shared, identifier, "b.example.com", ExpectedRevision=str(now)), "SetSniConfig")
    answered(set_mode(shared, "mutual", ExpectedRevision=str(now + 1)), "SetAuthenticationMode")
    answered(set_mode(shared, "one-way", ExpectedRevision=str(now + 2)), "SetAuthenticationMode")
    assert revision(shared) == now + 3


def test_of_many_at_once_for_the_same_revision_one_is_made(shared, identifier):
    answered(set_sni(shared, identifier, "a.example.com"), "SetSniConfig")
    now = revision(shared)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = list(pool.map(lambda n: set_sni(shared, identifier, f"race-{n}.example.com", ExpectedRevision=str(now)), range(AT_ONCE)))
    assert sorted(r.status for r in replies) == [200] + [409] * (AT_ONCE - 1)
    assert revision(shared) == now + 1


@pytest.mark.parametrize("wrong", ["-1", "1.5", "x", "9007199254740992"])
def test_what_is_no_revision_is_refused(shared, identifier, wrong):
    refused(set_sni(shared, identifier, "a.example.com", ExpectedRevision=wrong), "InvalidExpectedRevision")
    refused(set_mode(shared, "one-way", ExpectedRevision=wrong), "InvalidExpectedRevision")
