"""SIGNET_ALLOW_ANONYMOUS: listeners that are open to clients without a user name, and that nobody opens one to the world by
mistake."""
import pytest
from device_cases import World
from harness.homes import name
from harness.mqtt import Client, connect_packet, tls_context
from harness.process import wait_until
from harness.proxy import Behind, v2
from harness.raw_tls import connected, ended
from harness.websocket import WsClient

DOMAIN = "open.example.com"
LISTEN = {"SIGNET_WS_LISTEN": "127.0.0.1:0", "SIGNET_WSS_LISTEN": "[::1]:0"}


def port(stack, listener):
    return next(each["port"] for each in stack.status()["listeners"] if each["name"] == listener)


def serve(stack, authority, mode=None, **params):
    cert = stack.upload(authority.issue(DOMAIN))
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    if mode:
        assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": mode, **params}).status == 200
        wait_until(lambda: stack.status()["mode"] == mode, what="the mode to be served")
    return stack


def nobody(stack, listener="mqtt", **kwargs):
    """The CONNACK code of a client without a user name."""
    make = WsClient if listener.startswith("ws") else Client
    c = make(port(stack, listener), name(), None, tls=listener == "mqtts", **kwargs)
    c.close()
    return c.code


# ---- refusals ----

@pytest.mark.parametrize("env, told", [
    ({"SIGNET_MQTT_LISTEN": "0.0.0.0:0", "SIGNET_ALLOW_ANONYMOUS": "mqtt"}, "SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes"),
    ({"SIGNET_MQTTS_LISTEN": "[::]:0", "SIGNET_ALLOW_ANONYMOUS": "mqtts"}, "SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes"),
    ({"SIGNET_ALLOW_ANONYMOUS": "mqtt", "SIGNET_PROXY_PROTOCOL": "mqtt", "SIGNET_PROXY_FROM": "127.0.0.1"},
     "SIGNET_ALLOW_ANONYMOUS_EXPOSED=yes"),
    ({"SIGNET_ALLOW_ANONYMOUS": "yes"}, "yes is none of the listeners"),
    ({"SIGNET_ALLOW_ANONYMOUS": "mqtt,ws"}, "ws is none of the listeners that are on")])
def test_a_listener_that_others_can_reach_is_not_opened_by_mistake(stack, env, told):
    stack.broker.stop()
    stack.broker.env = {**stack.broker.env, **env}
    stack.broker.start()
    assert stack.broker.popen.wait(20) == 1
    assert "cannot start" in stack.broker.text() and told in stack.broker.text()
    stack.broker.popen = None


def test_without_the_setting_nobody_gets_in_without_a_user_name(open_stack, authority):
    stack = serve(open_stack(env=LISTEN), authority)
    assert nobody(stack) == 5 and nobody(stack, "mqtts", sni=DOMAIN) == 5 and nobody(stack, "ws") == 5
    assert "ANONYMOUS" not in stack.broker.text()


def test_only_the_listeners_that_are_named_are_open(open_stack, authority):
    stack = serve(open_stack(env={**LISTEN, "SIGNET_ALLOW_ANONYMOUS": "mqtt"}), authority)
    assert nobody(stack) == 0
    assert nobody(stack, "ws") == 5 and nobody(stack, "mqtts", sni=DOMAIN) == 5


def test_who_gives_a_user_name_must_be_right(open_stack):
    stack = open_stack(env={"SIGNET_ALLOW_ANONYMOUS": "mqtt"})
    assert stack.client(name(), tls=False).code == 0
    assert stack.client(name(), tls=False, login=(stack.key_id, "wrong", stack.instance)).code in (4, 5)
    assert stack.client(name(), tls=False, login=("LTAInobody", stack.secret, stack.instance)).code in (4, 5)
    for user, pw in [("", None), ("somebody", None), ("", b"")]:
        with connected(stack.tcp_port) as s:
            s.sendall(connect_packet(name(), user, pw))
            answer = s.recv(4)
            assert answer[:3] == b"\x20\x02\x00" and answer[3] in (4, 5), (user, pw)
            assert ended(s, 5)


# ---- what is right ----

def test_it_is_said_loudly_at_the_start(open_stack):
    stack = open_stack(env={**LISTEN, "SIGNET_ALLOW_ANONYMOUS": "mqtt, ws"})
    warned = [line for line in stack.broker.text().splitlines() if " warn " in line and "SIGNET_ALLOW_ANONYMOUS" in line]
    assert len(warned) == 2 and "WITHOUT A USER NAME" in warned[0]
    assert {line.split("listener=")[1].split(" ")[0] for line in warned} == {"mqtt", "ws"}
    assert nobody(stack, "ws") == 0


def test_anonymous_clients_publish_and_subscribe(open_stack):
    stack = open_stack(env={"SIGNET_ALLOW_ANONYMOUS": "mqtt"})
    a, b = stack.client(name(), tls=False, login=None), stack.client(name(), tls=False)
    for client in (a, b):
        assert client.code == 0
        client.subscribe("open/#", 1)
    a.publish("open/x", "from nobody", 1)
    assert b.message()[1] == b"from nobody" and a.message()[1] == b"from nobody"
    b.publish("open/y", "to nobody", 1)
    assert a.message()[1] == b"to nobody"
    a.close()
    b.close()


def test_they_stay_when_the_configuration_changes(open_stack, authority):
    stack = open_stack(env={"SIGNET_ALLOW_ANONYMOUS": "mqtt"})
    a = stack.client(name(), tls=False, login=None)
    serve(stack, authority)
    stack.add_access_key("LTAIanother", "secret")
    stack.wait_applied(stack.revision())
    a.ping()
    a.close()


def test_forced_it_is_open_to_others_too(open_stack):
    stack = open_stack(env={"SIGNET_MQTT_LISTEN": "0.0.0.0:0", "SIGNET_ALLOW_ANONYMOUS": "mqtt",
                            "SIGNET_ALLOW_ANONYMOUS_EXPOSED": "yes", "SIGNET_PROXY_PROTOCOL": "mqtt",
                            "SIGNET_PROXY_FROM": "127.0.0.1"})
    c = Behind(stack.tcp_port, v2("203.0.113.7"), name())
    assert c.code == 0
    c.close()


def test_in_the_mode_mutual_without_tls_where_the_client_is_still_counts(open_stack, authority):
    stack = serve(open_stack(env={**LISTEN, "SIGNET_ALLOW_ANONYMOUS": "mqtt,ws,mqtts", "SIGNET_ALLOW_ANONYMOUS_EXPOSED": "yes",
                                  "SIGNET_PROXY_PROTOCOL": "ws", "SIGNET_PROXY_FROM": "127.0.0.1"}), authority, "mutual")
    assert nobody(stack) == 0
    for source, code in [("127.0.0.1", 0), ("203.0.113.7", 5)]:
        c = Behind(port(stack, "ws"), v2(source), name(), kind="ws")
        assert c.code == code
        c.close()


def test_in_the_mode_mutual_over_tls_the_certificate_is_still_needed(open_stack, authority, tmp_path):
    stack = serve(open_stack(env={"SIGNET_ALLOW_ANONYMOUS": "mqtts"}), authority, "mutual", LoginRequired="true")
    world = World(stack, tmp_path)
    with pytest.raises((OSError, EOFError)):
        nobody(stack, "mqtts", sni=DOMAIN)
    presented = world.present(world.ca().device("open"))
    context = tls_context()
    context.load_cert_chain(presented.cert, presented.key)
    assert nobody(stack, "mqtts", sni=DOMAIN, context=context) == 0, "the listener is open although a login is required elsewhere"
