"""The broker under ThreadSanitizer, and under AddressSanitizer, while clients of MQTT 5 do everything that crosses its
threads at once: shared sessions, shared subscriptions, wills, retained messages, QoS 2, ends of every kind."""
import random
import threading

import pytest
from harness import packets
from harness.mqtt5 import Peer

CLIENTS, LIVES, STEPS, NAMES = 6, 40, 14, 10
FILTERS = ["w/#", "w/+", "w/1", "$share/g/w/#", "$share/g/w/2", "$share/h/w/+", "+/3", "will/#", "$SYS/broker/clients/connected"]


class Wanderer(threading.Thread):
    """Takes one of a few client IDs, does this and that without waiting for any answer, and ends in one way or another."""

    def __init__(self, stack, seed):
        super().__init__()
        self.stack, self.chance, self.failure, self.heard = stack, random.Random(seed), None, 0

    def opening(self):
        c = self.chance
        will = {"topic": f"will/{c.randrange(3)}", "payload": b"gone", "qos": c.randrange(3), "retain": c.random() < 0.5,
                "properties": {"will_delay": c.choice([0, 1])}}
        return {"clean": c.random() < 0.3, "will": will if c.random() < 0.6 else None,
                "properties": {"session_expiry": c.choice([0, 1, 300]), "receive_max": c.choice([1, 3, 65535]),
                               "topic_alias_max": c.choice([0, 4])}}

    def step(self, peer):
        c, pid = self.chance, self.chance.randrange(1, 9)
        topic, kind = f"w/{c.randrange(5)}", c.randrange(10)
        if kind == 0:
            options = c.randrange(3) | c.choice([0, 0x10, 0x20])  # QoS, retain handling
            peer.send(packets.subscribe(pid, [(c.choice(FILTERS), options)]))
        elif kind == 1:
            peer.send(packets.unsubscribe(pid, [c.choice(FILTERS)]))
        elif kind == 2:
            peer.send(packets.publish(topic, c.choice([b"", b"kept"]), qos=1, pid=pid, retain=True))
        elif kind < 8:
            qos = c.randrange(3)
            peer.send(packets.publish(topic, b"x" * c.choice([0, 10, 5000]), qos=qos, pid=pid if qos else None,
                                      properties={"message_expiry": c.choice([1, 60])}))
        elif kind == 8:
            peer.send(packets.acknowledgement("PUBREL", pid))
        else:
            self.hear(peer)

    def hear(self, peer):
        """Everything up to the answer to a PINGREQ, acknowledged more often than not."""
        peer.send(b"\xc0\0")
        while (got := peer.next()).kind != "PINGRESP":
            if got.kind == "DISCONNECT":
                raise EOFError(got)
            self.heard += got.kind == "PUBLISH"
            answer = {"PUBREL": "PUBCOMP", "PUBREC": "PUBREL"}.get(got.kind)
            if got.kind == "PUBLISH" and got.qos and self.chance.random() < 0.8:
                answer = "PUBACK" if got.qos == 1 else "PUBREC"
            if answer and getattr(got, "reason", 0) in (0, 0x10, None):
                peer.acknowledge(answer, got.pid)

    def live(self):
        peer = Peer(self.stack.tcp_port, f"GID_w@@@{self.chance.randrange(NAMES)}", login=self.stack.login())
        try:
            peer.send(peer.connect_packet(**self.opening()))
            first = peer.next()  # taken over before that, it is closed without a word ([MQTT-3.14.0-1])
            assert (first.kind, first.reason) == ("CONNACK", 0), first
            for _ in range(STEPS):
                self.step(peer)
            end = self.chance.randrange(4)
            if end == 0:
                peer.send(packets.disconnect(self.chance.choice([0, 4])))
            elif end == 1:
                self.hear(peer)
            elif end == 2:
                peer.cut()
                return
        except (OSError, EOFError):
            pass  # taken over, or told what it did wrong
        peer.close()

    def run(self):
        try:
            for _ in range(LIVES):
                self.live()
        except AssertionError as e:
            self.failure = e


def administer(stack, chance):
    """What comes from the API's side in the meantime."""
    own = {"InstanceId": stack.instance}
    client_id = f"GID_w@@@{chance.randrange(NAMES)}"
    call = chance.choice([("SendMessage", {"MqttTopic": "w/1", "Payload": "from above"}), ("SendMessage", {"MqttTopic": f"w/p2p/{client_id}", "Payload": "x"}),
                          ("QuerySessionByClientId", {"ClientId": client_id}), ("CloseConnection", {"ClientId": client_id})])
    reply = stack.api.v3(call[0], {**own, **call[1]})
    assert reply.status == 200 or b"client is connected" in reply.body or b"has not answered" in reply.body, reply


@pytest.mark.parametrize("build", [None, "tsan"])
def test_nothing_breaks_or_races_while_clients_do_everything_at_once(open_stack, build):
    stack = open_stack(build=build, workers=3)
    wanderers = [Wanderer(stack, n) for n in range(CLIENTS)]
    for w in wanderers:
        w.start()
    chance = random.Random(99)
    while any(w.is_alive() for w in wanderers):
        administer(stack, chance)
        assert stack.status()["ok"]
    assert not [w.failure for w in wanderers if w.failure]
    assert sum(w.heard for w in wanderers) > CLIENTS * LIVES, "they have heard nothing of one another"
    assert stack.broker.stop() == 0
    stack.broker.check_clean()
    stack.start_broker()  # what it has kept is read again
    assert stack.status()["ok"]
