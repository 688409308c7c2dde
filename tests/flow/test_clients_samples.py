"""The vendor's sample programs one by one: who connects how, what is sent, what the program then prints. Each is played by the real
client whose library is nearest to the sample's; what is shortened is the waiting (a message a second) and the thousand messages of
the C sample. All of it under the preset `strict`, which does as the cloud does, and under `open`. Not here: the samples that speak no
MQTT (TokenApiDemo's call is ApplyToken below; RocketMQ and HTTP ones)."""
from collections import Counter

import pytest
from harness.ca import register, register_code
from harness.certs import Authority
from harness.expect import answered
from harness.logins import call, identity, permit
from harness.mqtt import password
from harness.real_clients import V311, Party, Place
from harness.stack import Stack
from harness.tokens import in_ms

DOMAIN, PARENT, GROUP = "mqtt-cn-sample.clients.example", "samples", "GID_sample"
RECEIVER = f"{GROUP}@@@receiver"
JAVA = {"clean": False, "keep_alive": 90}
LISTEN = {"SIGNET_WS_LISTEN": "127.0.0.1:0", "SIGNET_WSS_LISTEN": "127.0.0.1:0"}
PARENTS = (PARENT, "test")


def cloud(cluster, tmp_path_factory, preset, mutual):
    """A place whose one CA signs servers and devices, as the samples have it; with the groups and parent topics they use."""
    folder = tmp_path_factory.mktemp("samples")
    ca = Authority(folder / "pki")
    stack = Stack(cluster, workers=3, env={**LISTEN, "SIGNET_PRESET": preset})
    made = None
    try:
        certificate = stack.upload(ca.issue(DOMAIN))
        assert stack.set_sni(certificate, f"{DOMAIN}#{certificate}").status == 200
        for group in (GROUP, "GID_test"):
            call(stack, "CreateGroupId", GroupId=group)
        for topic in PARENTS:
            answered(stack.api.v3("CreateParentTopic", {"MqttInstanceId": stack.instance, "Topic": topic}), "CreateParentTopic")
        if mutual:
            answered(register(stack, ca, ca.issue(register_code(stack), usage="clientAuth").crt), "RegisterCaCertificate")
            mode = {"MqttInstanceId": stack.instance, "Mode": "mutual", "LoginRequired": "true"}
            answered(stack.api.v3("SetAuthenticationMode", mode), "SetAuthenticationMode")
        stack.wait_applied(stack.revision())
        made = Place(stack, ca.crt_path, DOMAIN, folder)
        made.authority = ca
        yield made
    finally:
        if made is not None:
            made.close()
        stack.close()


@pytest.fixture(scope="module", params=["strict", "open"])
def signature(cluster, tmp_path_factory, request):
    yield from cloud(cluster, tmp_path_factory, request.param, mutual=False)


@pytest.fixture(scope="module", params=["strict", "open"])
def mutual(cluster, tmp_path_factory, request):
    yield from cloud(cluster, tmp_path_factory, request.param, mutual=True)


@pytest.fixture
def play():
    """play(place, client, transport) → a party of MQTT 3.1.1, which all samples speak."""
    made = []

    def make(place, client, transport):
        made.append(Party(place, client, V311, transport))
        return made[-1]

    yield make
    for p in made:
        p.close()


def device(place, name, chain=True, key="ec"):
    """(client_chain.crt or client.crt, client.key): what the samples read."""
    cert = place.authority.issue(name, usage="clientAuth", key=key)
    path = cert.crt_path.with_suffix(".chain" if chain else ".crt")
    path.write_text(cert.chain if chain else cert.crt)
    return path, cert.key_path


def p2p(client_id):
    return f"{PARENT}/p2p/{client_id}"


def sends(client, *topics_and_bodies, qos=0, times=1, form="send msg succeed topic is : {topic}"):
    """What the program prints of its deliveries."""
    printed = []
    for _ in range(times):
        for topic, body in topics_and_bodies:
            assert len(client.publish(topic, body.encode(), qos=qos)) == 1
            printed.append(form.format(topic=topic))
    return printed


def prints(client, count, form="receive msg from topic {topic} , body is {body}"):
    """What it prints of messages that arrive, and how often; and nothing more arrives."""
    lines = Counter(form.format(topic=m.topic, body=m.payload.decode(), qos=m.qos, raw=m.payload) for m in client.messages(count))
    assert client.waiting() == []
    return lines


# ---- a device certificate and the user name ----

@pytest.mark.parametrize("key", ["ec", "rsa:2048"])
def test_java_producer_and_consumer_with_device_certificates(mutual, play, key):
    """MQ4IoTBiSSLProducerDemo, MQ4IoTBiSSLConsumerDemo: TLS 1.2, the whole chain, a session that stays, QoS 0."""
    java = play(mutual, "paho-c", "tls")
    receiver, sender = f"{RECEIVER}-{key[:2]}", f"{GROUP}@@@sender-{key[:2]}"
    consumer = java.join((f"{PARENT}/testMq4Iot", 0), client_id=receiver, tls12=True, certificate=device(mutual, receiver, key=key), **JAVA)
    producer = java.join(client_id=sender, tls12=True, certificate=device(mutual, sender, key=key), **JAVA)
    assert sends(producer, (f"{PARENT}/testMq4Iot", "hello mq4Iot pub sub msg"), (p2p(receiver), "hello mq4Iot p2p msg"), times=10) == \
        [f"send msg succeed topic is : {topic}" for _ in range(10) for topic in (f"{PARENT}/testMq4Iot", p2p(receiver))]
    assert prints(consumer, 20) == {f"receive msg from topic {PARENT}/testMq4Iot , body is hello mq4Iot pub sub msg": 10,
                                    f"receive msg from topic {p2p(receiver)} , body is hello mq4Iot p2p msg": 10}
    consumer.leave()
    java.gone(receiver)
    # what the demo does on every reconnect
    again = java.join((f"{PARENT}/testMq4Iot", 0), client_id=receiver, tls12=True, certificate=device(mutual, receiver, key=key), **JAVA)
    assert again.present is True


def test_python_producer_and_consumer_with_device_certificates(mutual, play):
    """MQ4IoTBiSSLProducerDemo.py, MQ4IoTBiSSLConsumerDemo.py: a clean session, keep alive 60, "1" to "10"."""
    python, topic = play(mutual, "paho-python", "tls"), f"{PARENT}/python"
    receiver, sender = f"{GROUP}@@@py-consumer", f"{GROUP}@@@py-producer"
    consumer = python.join((topic, 0), client_id=receiver, certificate=device(mutual, receiver))
    producer = python.join(client_id=sender, certificate=device(mutual, sender))
    assert (consumer.connack["reason"], consumer.connack["present"]) == (0, False), "Connected with result code 0"
    for n in range(1, 11):
        sends(producer, (topic, f"{n}"))
    assert [f"{m.topic} {m.payload}" for m in consumer.messages(10)] == [f"{topic} b'{n}'" for n in range(1, 11)]


def test_c_with_a_device_certificate(mutual, play):
    """mqttDemo.c with usemSSL: client.crt without the chain; it subscribes with QoS 1, publishes with 0, and hears itself."""
    c, name, topic = play(mutual, "paho-c", "tls"), f"{GROUP}@@@c-tls", f"{PARENT}/c-tls"
    demo = c.join((topic, 1), client_id=name, certificate=device(mutual, name, chain=False))
    assert demo.granted == [1], "subscribe success"
    sends(demo, (topic, "hello mqtt demo"), times=10)
    assert prints(demo, 10, "recv message from {topic} ,body is {body}") == {f"recv message from {topic} ,body is hello mqtt demo": 10}


def test_ios_chat_room_of_animals(mutual, play):
    """lmq-ios-mtls-demo: the chain of a .p12, QoS 1, a wildcard in the last level."""
    ios, room = play(mutual, "paho-c", "tls"), "test/chat/room/animals/client"
    names = {animal: f"GID_test@@@CocoaMQTT-{animal}-4711" for animal in ("Sheep", "Horse")}
    members = [ios.join((f"{room}/+", 1), client_id=name, certificate=device(mutual, name)) for name in names.values()]
    for animal, member in zip(names, members):
        sends(member, (f"{room}/{animal}", f"I am {animal}"), qos=1)
    for member in members:
        assert prints(member, 2, "{topic} {qos} {body}") == {f"{room}/{animal} 1 I am {animal}": 1 for animal in names}


# ---- the user name alone ----

@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_java_signature_mode(signature, play, transport):
    """MQ4IoTSendMessageToMQ4IoTUseSignatureMode: to the topic and to itself, 20 lines sent and 20 received."""
    java, name, topic = play(signature, "paho-c", transport), f"{GROUP}@@@java-{transport}", f"{PARENT}/testMq4Iot-{transport}"
    demo = java.join((topic, 0), client_id=name, **JAVA)
    sent = sends(demo, (topic, "hello mq4Iot pub sub msg"), (p2p(name), "hello mq4Iot p2p msg"), times=10)
    assert len(sent) == 20
    assert prints(demo, 20) == {f"receive msg from topic {topic} , body is hello mq4Iot pub sub msg": 10,
                                f"receive msg from topic {p2p(name)} , body is hello mq4Iot p2p msg": 10}


def test_java_p2p_without_any_subscription(signature, play):
    """MQTTSendP2PMessage: ten messages to itself."""
    name = f"{GROUP}@@@java-p2p"
    demo = play(signature, "paho-c", "tcp").join(client_id=name, **JAVA)
    sends(demo, (p2p(name), "hello mqtt p2p msg"), times=10)
    assert prints(demo, 10) == {f"receive msg from topic {p2p(name)} , body is hello mqtt p2p msg": 10}


def apply_token(stack, topics, actions):
    """TokenApiDemo: topics sorted, with commas between, signed in the old way; an hour."""
    params = {"InstanceId": stack.instance, "Resources": ",".join(sorted(topics)), "Actions": actions, "ExpireTime": str(in_ms(3600))}
    return answered(stack.api.v1("ApplyToken", params), "ApplyToken")["Token"]


def test_java_token_mode(signature, play):
    """MQ4IoTSendMessageToMQ4IoTUseTokenMode: one token to read and write, or one for each."""
    stack, topic = signature.stack, f"{PARENT}/testToken"
    user, of = f"Token|{stack.key_id}|{stack.instance}", [f"{topic}/#", f"{PARENT}/p2p/#", topic]
    both, reads, writes = (apply_token(stack, of, actions) for actions in ("R,W", "R", "W"))
    java = play(signature, "paho-c", "tcp")
    for n, text in enumerate([f"RW|{both}", f"R|{reads}|W|{writes}"]):
        name = f"{GROUP}@@@token-{n}"
        demo = java.join((topic, 0), client_id=name, username=user, pw=text, keep_alive=90)
        assert demo.granted == [0]
        sends(demo, (topic, "hello mq4Iot pub sub msg"), (p2p(name), "hello mq4Iot p2p msg"), times=10)
        assert prints(demo, 20) == {f"receive msg from topic {topic} , body is hello mq4Iot pub sub msg": 10,
                                    f"receive msg from topic {p2p(name)} , body is hello mq4Iot p2p msg": 10}
        demo.leave()


@pytest.mark.parametrize("mode", ["ORIGIN", "SIGNED"])
def test_java_custom_authentication(signature, play, mode):
    """CustomAuthIdentityModeUseOrigin, …UseSigned: the user name is a plain one, and no instance is named."""
    stack, user, secret = signature.stack, f"sample-{mode.lower()}", "s3cret-of-the-sample"
    name, topic = f"{GROUP}@@@custom-{mode}", f"{PARENT}/testMqtt"
    identity(stack, user, secret, mode=mode)
    for of in (topic, f"{PARENT}/p2p/#"):
        permit(stack, user, of)
    pw = secret if mode == "ORIGIN" else password(secret, name)
    demo = play(signature, "paho-c", "tcp").join((topic, 0), client_id=name, username=user, pw=pw, **JAVA)
    assert demo.granted == [0]
    sends(demo, (topic, "hello mqtt pub sub msg"), (p2p(name), "hello mqtt p2p msg"), times=10)
    assert prints(demo, 20) == {f"receive msg from topic {topic} , body is hello mqtt pub sub msg": 10,
                                f"receive msg from topic {p2p(name)} , body is hello mqtt p2p msg": 10}


def test_python_to_a_topic_and_to_itself(signature, play):
    """MQTTSendMessage2MQTT.py, MQTTSendP2PMessage.py: the topic is the parent topic, else the second goes nowhere."""
    python, topic, name = play(signature, "paho-python", "tcp"), PARENT, f"{GROUP}@@@py"
    demo = python.join((topic, 0), client_id=name)
    sends(demo, *((topic, f"{n}") for n in range(1, 11)))
    assert [f"{m.topic} {m.payload}" for m in demo.messages(10)] == [f"{topic} b'{n}'" for n in range(1, 11)]
    sends(demo, *((p2p(name), f"{n}") for n in range(1, 11)))
    assert [f"{m.topic} {m.payload}" for m in demo.messages(10)] == [f"{p2p(name)} b'{n}'" for n in range(1, 11)]


def test_c_p2p_to_itself(signature, play):
    """mqttSendP2PMessageDemo.c: it subscribes to the (parent) topic, the message goes to `<topic>/p2p/<own client ID>`."""
    name, topic = f"{GROUP}@@@c-p2p", PARENT
    demo = play(signature, "paho-c", "tcp").join((topic, 1), client_id=name)
    sends(demo, (p2p(name), "hello mqtt p2p demo"), times=10)
    line = f"recv message from {p2p(name)} ,body is hello mqtt p2p demo"
    assert prints(demo, 10, "recv message from {topic} ,body is {body}") == {line: 10}


def test_dotnet_two_filters_and_p2p(signature, play):
    """MQTTDemo.cs: QoS 1 to one of its two filters and to itself, received with what was subscribed and with 1."""
    name = f"{GROUP}@@@dotnet"
    demo = play(signature, "paho-c", "tcp").join((f"{PARENT}/subDemo1", 0), (f"{PARENT}/subDemo2/level3", 0), client_id=name)
    assert sends(demo, (f"{PARENT}/subDemo1", "hello mqtt"), (p2p(name), "hello mqtt"), qos=1, form="Publish Msg  Success") == \
        ["Publish Msg  Success"] * 2
    assert prints(demo, 2, "Recv Msg : Topic is {topic} ,Body is {body}") == {
        f"Recv Msg : Topic is {PARENT}/subDemo1 ,Body is hello mqtt": 1, f"Recv Msg : Topic is {p2p(name)} ,Body is hello mqtt": 1}
    demo.leave()


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_browser_p2p_to_itself(signature, play, transport):
    """lmqdemo.html: WebSocket, path /mqtt, sub-protocol mqtt; of its two messages only that to itself is sent."""
    topic, name = PARENT, f"{GROUP}@@@browser-{transport}"
    demo = play(signature, "mqttjs", transport).join((topic, 0), client_id=name)
    sends(demo, (p2p(name), "Hello mqtt P2P Msg!!"))
    assert prints(demo, 1, "recv msg : {topic}   {body}") == {f"recv msg : {p2p(name)}   Hello mqtt P2P Msg!!": 1}


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_nodejs_to_the_parent_topic_and_to_itself(signature, play, transport):
    """demo.js: there the topic is the parent topic; subscribed with QoS 1, sent with 0, keep alive 90."""
    name = f"{GROUP}@@@node-{transport}"
    demo = play(signature, "mqttjs", transport).join((PARENT, 1), client_id=name, keep_alive=90)
    for n in range(5):
        sends(demo, (PARENT, f"Hello mqtt {n}"), (p2p(name), f"Hello mqtt {n}"))
    assert prints(demo, 10, "topic:{topic} msg:{body}") == {f"topic:{topic} msg:Hello mqtt {n}": 1 for n in range(5)
                                                            for topic in (PARENT, p2p(name))}


def test_php_publishes_after_its_suback(signature, play):
    """mosquitto-php is libmosquitto, and so is mosquitto_rr: one connection that subscribes, then publishes, then receives."""
    topic = f"{PARENT}/php"
    told = play(signature, "mosquitto", "tcp").run("mosquitto_rr", "-t", topic, "-e", topic, "-m", "Hello MQTT PHP Demo", "-q", "1", "-W", "10",
                                                   "-F", "Receive Message From mqtt, topic is %t  qos is %q  payload is %p",
                                                   client_id=f"{GROUP}@@@php", keep_alive=90)
    assert "received CONNACK (0)" in told and told.index("received SUBACK") < told.index("sending PUBLISH")
    assert f"Receive Message From mqtt, topic is {topic}  qos is 1  payload is Hello MQTT PHP Demo\n" in told


@pytest.mark.parametrize("mode", ["Signature", "Token"])
def test_android_subscribes_then_publishes(signature, play, mode):
    """Paho Android: a clean session, keep alive 90; a signature or, in a comment, a token."""
    stack, topic, name = signature.stack, f"{PARENT}/android", f"{GROUP}@@@android-{mode}"
    login = {}
    if mode == "Token":
        login = {"username": f"Token|{stack.key_id}|{stack.instance}", "pw": "RW|" + apply_token(stack, [topic], "R,W")}
    demo = play(signature, "paho-c", "tcp").join((topic, 0), client_id=name, keep_alive=90, **login)
    sends(demo, (topic, "hello mqtt"))
    assert prints(demo, 1) == {f"receive msg from topic {topic} , body is hello mqtt": 1}
