"""examples/clients as a reader runs them, with what scripts/up has made: by certificate alone, with the Signature user name,
by domain name; and that each ends with an error when it is refused."""
import os
import re
import shutil
from pathlib import Path

import pytest
from harness.expect import answered
from harness.process import ROOT, build_dir, wait_until
from harness.reader import Reader, blocks

EXAMPLES = ROOT / "examples" / "clients"
CLIENTS = ("mosquitto", "paho-c", "mqttjs")
HELLOS = "".join(f"hello from {c}\n" for c in CLIENTS)
RUN = {"mosquitto": "examples/clients/mosquitto/device", "paho-c": "./device-paho",
       "mqttjs": "node examples/clients/mqttjs/device.mjs"}
BUILD = "gcc -Wall -Wextra -Werror examples/clients/paho-c/device.c -o device-paho -lpaho-mqtt3cs -lcrypto\n"
MODULES = Path(os.environ.get("SIGNET_CLIENT_MODULES", build_dir("clients"))) / "node_modules"


def mutual(stack, **params):
    reply = stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual", **params})
    assert answered(reply, "SetAuthenticationMode")["Mode"] == "mutual"
    stack.applied(reply)


@pytest.fixture
def reader(stack, tmp_path):
    """In a folder of Signet as far as the examples need it; the packages of MQTT.js come from build/clients."""
    assert MODULES.is_dir(), f"{MODULES} is missing; scripts/test flow installs it"
    tree = tmp_path / "signet"
    shutil.copytree(EXAMPLES, tree / "examples" / "clients", ignore=shutil.ignore_patterns("node_modules"))
    (tree / "examples" / "clients" / "mqttjs" / "node_modules").symlink_to(MODULES)
    with Reader(stack, tree, tmp_path) as r:
        assert "registering the demo CA" in r.demo()
        yield r


def test_every_block_of_the_page_in_order(stack, reader):
    reader.hosts.write_text("127.0.0.1 localhost alpha.signet.example beta.signet.example\n")
    told = [reader.types(re.sub(r"^npm ci .*\n", "", block, flags=re.M)) for _, block in blocks(EXAMPLES / "README.md")]
    assert '"Mode": "mutual"' in told[0]
    assert told[1:] == [HELLOS, HELLOS, HELLOS]
    devices = stack.api.v3("ListDeviceCertificate", {"MqttInstanceId": stack.instance, "PageNo": "1", "PageSize": "100"})
    assert answered(devices, "ListDeviceCertificate")["Data"]["Total"] == 1, "one certificate is one device"


def test_the_user_name_is_sent_and_the_certificate_is_presented(stack, reader):
    """With LoginRequired a certificate alone is not enough, nor is the wrong secret, nor in the mode one-way no user name."""
    reader.types(BUILD)
    mutual(stack, LoginRequired="true")
    for client in CLIENTS:
        assert "hello" not in reader.types(f"{RUN[client]} || echo 'exit status' $?")
        assert "hello" not in reader.types("ALIBABA_CLOUD_ACCESS_KEY_ID=%s ALIBABA_CLOUD_ACCESS_KEY_SECRET=wrong %s || "
                                           "echo 'exit status' $?" % (stack.key_id, RUN[client]))
        assert reader.types("(set -a; . \"$SIGNET_HOME/credentials.env\"; %s)" % RUN[client]) == f"hello from {client}\n"
    assert len(re.findall("no user name or password", stack.broker.text())) == 3
    assert len(re.findall("bad user name or password", stack.broker.text())) == 3


def test_refused_devices_end_with_an_error(stack, reader):
    reader.types(BUILD)
    mutual(stack)
    assert reader.types(RUN["mosquitto"]) == "hello from mosquitto\n"
    sn = answered(stack.api.v3("ListCaCertificate", {"MqttInstanceId": stack.instance, "PageNo": "1", "PageSize": "10"}),
                  "ListCaCertificate")["Data"]["CaCertificateVOS"][0]["Sn"]
    answered(stack.api.v3("InactivateCaCertificate", {"MqttInstanceId": stack.instance, "Sn": sn}), "InactivateCaCertificate")
    for client in CLIENTS:
        told = reader.types(f"{RUN[client]} || echo 'exit status' $?")
        assert "hello" not in told and re.search(r"exit status [1-9]", told), told
    wait_until(lambda: len(re.findall("the CA certificate is inactive", stack.broker.text())) >= 3, what="the broker to say why")


def test_the_name_is_sent_as_sni(stack, reader):
    """The default certificate does not have beta's name: who verifies it has got the other one, by its SNI."""
    reader.types(BUILD)
    reader.hosts.write_text("127.0.0.1 localhost beta.signet.example gamma.signet.example\n")
    mutual(stack)
    for client in CLIENTS:
        assert reader.types(f"MQTT_HOST=beta.signet.example {RUN[client]}") == f"hello from {client}\n"
        told = reader.types(f"MQTT_HOST=gamma.signet.example {RUN[client]} || echo 'exit status' $?")
        assert "hello" not in told and re.search(r"exit status [1-9]", told), told
    assert reader.types(f"MQTT_SERVER_NAME=beta.signet.example {RUN['mqttjs']}") == "hello from mqttjs\n"
