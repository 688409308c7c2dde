# SPDX-License-Identifier: Apache-2.0
"""peers: the brokers that are compared, each on one core with one worker, and how both are set. Signet stands in
two instances, one for server certificates only and one in the mode mutual; mosquitto in two processes."""

import os
import platform
import shutil
import subprocess
from collections import namedtuple

import stack as s

SERVER, MUTUAL = "mqtt-cn-benchmsg001", "mqtt-cn-benchmut001"
NAME = "c0000.bench.example"

# Given to Signet's environment beside what a stack needs. Everything else is as it comes.
SIGNET = {"SIGNET_WORKERS": "1"}

# As it comes it takes 20 messages over QoS 0 at a time from a broker's side and queues 1,000: less than what is
# under way here, and what is over is lost. Nagle's algorithm off, as in Signet.
MOSQUITTO = """allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 256
max_queued_messages 100000
log_type error
user root
"""
SERVER_LISTENERS = """listener {plain} 127.0.0.1
listener {tls} 127.0.0.1
certfile {folder}/0000.crt
keyfile {folder}/0000.key
"""
MUTUAL_LISTENER = """listener {tls} 127.0.0.1
certfile {folder}/0000.crt
keyfile {folder}/0000.key
cafile {folder}/ca.crt
require_certificate true
"""

Folders = namedtuple("Folders", "server mutual")  # each has ca.crt, ca.key, 0000.crt, 0000.key


def make_folder(stack, name):
    folder = os.path.join(stack.folder, name)
    os.mkdir(folder, 0o755)
    subprocess.run([s.program("make_certs"), "--dir", folder, "--count", "1"], check=True)
    return folder


def configure_server(stack, folder, instance=SERVER):
    certificate = stack.upload(instance, f"{folder}/0000.crt", f"{folder}/0000.key")
    stack.create_instance(instance)
    stack.api.call(
        s.ONSMQTT,
        "SetSniConfig",
        MqttInstanceId=instance,
        DefaultCertificate=certificate,
        SniConfig=f"{NAME}#{certificate}#",
    )


def configure_mutual(stack, folder, instance=MUTUAL):
    """An instance in the mode mutual whose one CA is that of the folder."""
    configure_server(stack, folder, instance)
    code = stack.api.call(s.ONSMQTT, "GetRegisterCode", MqttInstanceId=instance)["RegisterCode"]
    subprocess.run([s.program("make_certs"), "--dir", folder, "--verification", code], check=True)
    texts = [open(f"{folder}/{n}.crt", encoding="ascii").read() for n in ("ca", "verification")]
    stack.api.call(
        s.ONSMQTT,
        "RegisterCaCertificate",
        MqttInstanceId=instance,
        CaName="bench",
        CaContent=texts[0],
        VerificationContent=texts[1],
    )
    stack.api.call(s.ONSMQTT, "SetAuthenticationMode", MqttInstanceId=instance, Mode="mutual")


def start_signet(stack, instance=SERVER, workers=1, cpu=0, **more):
    plain = s.free_port() if instance == SERVER else 0
    broker = stack.start_broker(instance, workers, cpu=cpu, plain_port=plain, **more)
    stack.wait_applied(broker, instance)
    broker.wait_for_port(plain or broker.port)
    return broker


def mosquitto_path():
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        s.say("mosquitto is not installed (apt-get install mosquitto): only Signet is measured")
    return path


def start_mosquitto(stack, folder, listeners=SERVER_LISTENERS):
    """None where it is not installed."""
    path = mosquitto_path()
    if path is None:
        return None
    plain, tls = s.free_port(), s.free_port()
    conf = os.path.join(stack.folder, f"mosquitto-{tls}.conf")
    with open(conf, "w", encoding="ascii") as out:
        out.write(listeners.format(plain=plain, tls=tls, folder=folder) + MOSQUITTO)
    broker = stack.start_process("mosquitto", [path, "-c", conf], cpu=0)
    broker.port, broker.plain_port = tls, plain
    broker.wait_for_port(tls)
    return broker


def pair(stack, folder, mutual=False):
    """By name, those that are there."""
    brokers = {
        "signet": start_signet(stack, MUTUAL if mutual else SERVER),
        "mosquitto": start_mosquitto(stack, folder, MUTUAL_LISTENER if mutual else SERVER_LISTENERS),
    }
    return {name: broker for name, broker in brokers.items() if broker is not None}


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    return lines[0] if lines else ""


def surroundings():
    """What the figures come from: the machine, the versions and the settings."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), "?")
    path = mosquitto_path()
    return {
        "machine": f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release()}",
        "signet": output_of(s.program("signet-broker"), "--version"),
        "mosquitto": output_of(path, "-h") if path else None,
        "openssl": output_of("openssl", "version"),
        "signet_settings": SIGNET,
        "mosquitto_settings": dict(line.split(" ", 1) for line in MOSQUITTO.splitlines()),
        "pinning": "each broker on one core, the generator on another",
    }
