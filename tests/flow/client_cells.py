"""Which client tells which story in which version over which transport, and the document of it: run as a program it writes
docs/clients.md. Why a story is not told by a client stands in LACKS."""
import ast
import re
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness.real_clients import SECURE, V5, V31, V311, VERSIONS, Party, Place  # noqa: E402
from harness.stack import Stack  # noqa: E402

DOMAIN, SECOND, UNKNOWN = "mqtt.clients.example", "second.clients.example", "nobody.clients.example"
DOCUMENT = HERE.parents[1] / "docs" / "clients.md"
ALL, FIVE = (V31, V311, V5), (V5,)
EVERY = ("tcp", "tls", "ws", "wss")
# name → how it is called, versions, transports
CLIENTS = {
    "mosquitto": ("mosquitto_sub, mosquitto_pub (Debian)", ALL, ("tcp", "tls")),
    "paho-c": ("Eclipse Paho C, MQTTAsync (Debian)", ALL, EVERY),
    "mqttjs": ("MQTT.js 5.16.0 (npm)", ALL, EVERY),
    "paho-python": ("Eclipse Paho Python (Debian)", ALL, EVERY),
}
# test → what the document says of it, versions, transports
STORIES = {
    "test_who_signs_wrongly_is_refused_and_hears_why": ("connect, refused and let in", ALL, EVERY),
    "test_the_certificate_of_the_name_is_served_and_checked": ("the certificate is checked, by SNI", ALL, SECURE),
    "test_messages_come_once_in_their_order_with_their_quality": ("QoS 0, 1, 2", ALL, EVERY),
    "test_a_subscription_lowers_the_quality_and_never_raises_it": ("QoS is lowered", ALL, EVERY),
    "test_a_retained_message_waits_for_later_subscribers_until_it_is_cleared": ("retained: set, seen, cleared", ALL, EVERY),
    "test_the_will_of_a_killed_client_comes_and_of_one_that_leaves_does_not": ("will", ALL, EVERY),
    "test_three_members_share_and_each_message_goes_to_one": ("shared subscription", ALL, EVERY),
    "test_256_kib_arrive_to_the_byte": ("256 KiB at each QoS", ALL, EVERY),
    "test_a_session_is_kept_and_what_came_meanwhile_comes_in_order": ("persistent session", ALL, EVERY),
    "test_a_session_ends_with_its_expiry": ("session expiry", FIVE, EVERY),
    "test_the_will_waits_for_its_delay": ("will delay", FIVE, EVERY),
    "test_a_message_expires_and_one_that_does_not_says_how_long_it_has": ("message expiry", FIVE, EVERY),
    "test_user_properties_and_the_kind_of_content_arrive_as_they_were_sent": ("user properties, content type", FIVE, EVERY),
    "test_a_request_is_answered_on_its_response_topic": ("request and response", FIVE, EVERY),
    "test_a_topic_alias_stands_for_the_topic": ("topic alias", FIVE, EVERY),
    "test_a_message_says_which_subscription_it_is_for": ("subscription identifier", FIVE, EVERY),
    "test_reason_codes_are_shown": ("reason codes of PUBACK and PUBREC", FIVE, EVERY),
    "test_who_is_replaced_hears_so": ("taken over: DISCONNECT 0x8E", FIVE, EVERY),
}
LACKS = {
    ("paho-python", "test_reason_codes_are_shown"): "version 1.6.1 does not show the reason codes of PUBACK and PUBREC",
}


def cells(story):
    """(client, version, transport) of those who tell it."""
    _, versions, transports = STORIES[story]
    return [(name, v, t) for name, (_, has, over) in CLIENTS.items() for v in has for t in over
            if v in versions and t in transports and (name, story) not in LACKS]


def told(function):
    """Gives a test of STORIES a `party` for each of its cells."""
    of = cells(function.__name__)
    return pytest.mark.parametrize("party", of, indirect=True, ids=[f"{c}-{VERSIONS[v]}-{t}" for c, v, t in of])(function)


@pytest.fixture(scope="module")
def place(cluster, authority, tmp_path_factory):
    """All four listeners; a certificate of its own for each of two names, and a third that is the default."""
    listen = {"SIGNET_WS_LISTEN": "127.0.0.1:0", "SIGNET_WSS_LISTEN": "127.0.0.1:0"}
    stack = Stack(cluster, workers=3, env=listen)
    made = None
    try:
        first, second, default = (stack.upload(authority.issue(n)) for n in (DOMAIN, SECOND, "default.clients.example"))
        assert stack.set_sni(default, f"{DOMAIN}#{first};{SECOND}#{second}").status == 200
        made = Place(stack, authority.crt_path, DOMAIN, tmp_path_factory.mktemp("clients"), others=(SECOND, UNKNOWN))
        yield made
    finally:
        if made is not None:
            made.close()
        stack.close()


@pytest.fixture
def party(place, request):
    made = Party(place, *request.param)
    yield made
    made.close()


def functions(*modules):
    return [name for m in modules for name in re.findall(r"^@told\ndef (test_\w+)", (HERE / f"{m}.py").read_text(encoding="utf-8"), re.M)]


def samples():
    """(test, what it says of itself) of each of the vendor's sample programs."""
    tree = ast.parse((HERE / "test_clients_samples.py").read_text(encoding="utf-8"))
    return [(f.name, ast.get_docstring(f)) for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test_")]


def document():
    lines = ["# Clients", "",
             "Clients that others wrote, and what the tests let each of them do with the broker: every story of a row, in every version and over",
             "every transport that the client has (`tests/flow/test_clients_*.py`, `tests/clients/`). Made by `tests/flow/client_cells.py`.", "",
             "| client | versions | transports |", "|---|---|---|"]
    for called, versions, transports in CLIENTS.values():
        lines.append(f"| {called} | {', '.join(VERSIONS[v] for v in versions)} | {', '.join(transports)} |")
    lines += ["", "TLS is with a check of the certificate and its name everywhere. `ws` and `wss` are MQTT over WebSocket.", ""]
    for name, (called, _, _) in CLIENTS.items():
        columns = sorted({(v, t) for story in STORIES for c, v, t in cells(story) if c == name})
        lines += [f"## {called}", "", "| story | " + " | ".join(f"{VERSIONS[v]} {t}" for v, t in columns) + " |",
                  "|---|" + "---|" * len(columns)]
        for story, (what, _, _) in STORIES.items():
            of = {(v, t) for c, v, t in cells(story) if c == name}
            lines.append(f"| {what} | " + " | ".join("yes" if c in of else "–" for c in columns) + " |")
        lines += ["", *[f"{STORIES[story][0]}: {why}.\n" for (who, story), why in LACKS.items() if who == name]]
    lines += ["`–`: MQTT of this version or this transport has no such thing, or it is said above.", "", "| story | test |", "|---|---|"]
    lines += [f"| {what} | `{test}` |" for test, (what, _, _) in STORIES.items()]
    lines += ["", "## The vendor's samples", "",
              "Played message by message by the client whose library is nearest to the sample's, with the preset `strict` and with `open`.", "",
              "| sample | test |", "|---|---|"]
    lines += [f"| {says} | `{test}` |" for test, says in samples()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
