# SPDX-License-Identifier: Apache-2.0
"""The Eclipse Paho Python client for tests: one JSON object a line on standard input is one thing to do, its outcome and
whatever arrives are lines on standard output. What can be asked is in tests/harness/real_clients.py."""
import json
import queue
import ssl
import sys
import threading
from urllib.parse import urlsplit

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

WAIT_S = 20
NAMES = {name[0].lower() + name[1:]: name for name in (
    "PayloadFormatIndicator", "MessageExpiryInterval", "ContentType", "ResponseTopic", "CorrelationData", "SubscriptionIdentifier",
    "SessionExpiryInterval", "WillDelayInterval", "TopicAliasMaximum", "TopicAlias", "ReasonString")}
NAMES["userProperties"] = "UserProperty"
output = threading.Lock()


def say(**what):
    with output:
        print(json.dumps(what), flush=True)


def given(kind, asked):
    if not asked:
        return None
    made = Properties(kind)
    for name, value in asked.items():
        if name == "userProperties":
            value = [tuple(pair) for pair in value]
        setattr(made, NAMES[name], value.encode() if name == "correlationData" else value)
    return made


def told(properties):
    found = {}
    for name, attribute in NAMES.items():
        if properties is not None and hasattr(properties, attribute):
            value = getattr(properties, attribute)
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found


def number(reason):
    """Of MQTT 5, or what the library makes of those of before."""
    return getattr(reason, "value", reason)


class Link:
    def __init__(self, asked):
        self.name, self.version, self.opened, self.granted = asked["link"], asked["version"], queue.Queue(), queue.Queue()
        url = urlsplit(asked["url"])
        kind = {} if self.version == paho.MQTTv5 else {"clean_session": asked["clean"]}
        c = self.client = paho.Client(asked["clientId"], protocol=self.version, userdata=self,
                                      transport="websockets" if url.scheme in ("ws", "wss") else "tcp", **kind)
        if "ca" in asked:
            c.tls_set(asked["ca"], asked.get("cert"), asked.get("key"),
                      tls_version=ssl.PROTOCOL_TLSv1_2 if asked.get("tls12") else None)
        if url.path:
            c.ws_set_options(url.path)
        if asked.get("username") is not None:
            c.username_pw_set(asked["username"], asked["password"])
        if "will" in asked:
            w = asked["will"]
            c.will_set(w["topic"], bytes.fromhex(w["payload"]), w["qos"], w.get("retain", False),
                       given(PacketTypes.WILLMESSAGE, w.get("properties")))
        c.on_connect, c.on_message, c.on_disconnect, c.on_subscribe = connected, arrived, disconnected, subscribed
        more = {"clean_start": asked["clean"], "properties": given(PacketTypes.CONNECT, asked.get("properties"))}
        c.connect(url.hostname, url.port, asked["keepAlive"], **(more if self.version == paho.MQTTv5 else {}))
        c.loop_start()


def connected(_, link, flags, reason, properties=None):
    link.opened.put({"reason": number(reason), "present": bool(flags["session present"]), "properties": told(properties)})


def arrived(_, link, m):
    say(event="message", link=link.name, topic=m.topic, payload=m.payload.hex(), qos=m.qos, retain=bool(m.retain), dup=bool(m.dup),
        properties=told(getattr(m, "properties", None)))


def disconnected(client, link, reason, properties=None):
    """It would connect again and again."""
    if reason != 0:
        client.disconnect()
        say(event="disconnect", link=link.name, reason=number(reason))
    link.opened.put({"error": "closed", "reason": -1})
    say(event="closed", link=link.name)


def subscribed(_, link, mid, granted, properties=None):
    link.granted.put((mid, number(granted[0])))


def connect(asked):
    link = links[asked["link"]] = Link(asked)
    outcome = link.opened.get(timeout=WAIT_S)
    if outcome["reason"] != 0:
        link.client.disconnect()
        outcome.setdefault("error", "refused")
    return outcome


def subscribe(asked):
    link, more = links[asked["link"]], {}
    if link.version == paho.MQTTv5:
        more = {"options": SubscribeOptions(asked["qos"]), "properties": given(PacketTypes.SUBSCRIBE, asked.get("properties"))}
    else:
        more = {"qos": asked["qos"]}
    code, mid = link.client.subscribe(asked["topic"], **more)
    if code:
        return {"error": paho.error_string(code), "reason": -1}
    got = link.granted.get(timeout=WAIT_S)
    assert got[0] == mid
    return {"reason": got[1]}


def publish(asked):
    sent = links[asked["link"]].client.publish(asked["topic"], bytes.fromhex(asked["payload"]), asked["qos"],
                                               asked.get("retain", False), given(PacketTypes.PUBLISH, asked.get("properties")))
    sent.wait_for_publish(WAIT_S)
    return {"reason": None} if sent.is_published() else {"error": "not published", "reason": -1}


def disconnect(asked):
    c = links[asked["link"]].client
    c.disconnect()
    return {"reason": 0}


def forget(asked):
    """Its thread ends with it."""
    links.pop(asked["link"]).client.disconnect()
    return {"reason": 0}


links = {}
operations = {f.__name__: f for f in (connect, subscribe, publish, disconnect, forget)}
for line in sys.stdin:
    ask = json.loads(line)
    try:
        done = operations[ask["op"]](ask)
    except Exception as e:  # whatever it is, the test says that it came
        done = {"error": f"{type(e).__name__}: {e}", "reason": -1}
    say(id=ask["id"], **done)
