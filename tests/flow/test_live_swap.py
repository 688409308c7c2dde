"""A thousand live connections exchange messages while one domain's certificate changes 500 times."""
import json
import ssl
import subprocess

from harness.mqtt import served
from harness.process import build_dir

ROUNDS, CONNECTIONS = 500, 1000
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def start_load(stack, domain, ca):
    credentials = stack.home / "credentials.env"
    credentials.write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={stack.key_id}\n"
                           f"ALIBABA_CLOUD_ACCESS_KEY_SECRET={stack.secret}\n")
    return subprocess.Popen([build_dir("release") / "mqtt_load", "--address", f"127.0.0.1:{stack.tls_port}", "--tls",
                             "--sni", domain, "--cafile", ca, "--connections", str(CONNECTIONS), "--qos", "1", "--rate",
                             "0.5", "--access-key-file", credentials, "--instance", stack.instance, "--hold"],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_no_connection_drops_no_message_is_lost_and_every_later_handshake_sees_the_change(open_stack, authority):
    s = open_stack(build="release")
    certificates = [authority.issue("swap.example.com"), authority.issue("swap.example.com")]
    ids = [s.upload(c) for c in certificates]
    assert s.set_sni(ids[0], f"swap.example.com#{ids[0]}").status == 200
    load = start_load(s, "swap.example.com", authority.crt_path)
    try:
        assert load.stdout.readline().strip() == "ready"
        keep = s.api.connection()
        wrong = []
        for n in range(ROUNDS):
            new = (n + 1) % 2
            reply = s.set_sni(ids[0], f"swap.example.com#{ids[new]}", keep=keep)
            assert reply.status == 200, reply
            s.applied(reply)
            for version in VERSIONS:
                if served(s.tls_port, "swap.example.com", version) != certificates[new].sha256:
                    wrong.append(n)
        assert wrong == []
        load.stdin.close()
        result = json.loads(load.stdout.read().strip().splitlines()[-1])
    finally:
        load.terminate()
        load.wait()
    print(json.dumps(result))
    assert result["connections"] == CONNECTIONS
    assert result["drops"] == 0 and result["lost"] == 0 and result["duplicated"] == 0 and result["out_of_order"] == 0
    assert result["delivered"] == result["expected"] == result["sent"] > CONNECTIONS
    assert s.status()["applied"] == s.revision()
