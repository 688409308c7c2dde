"""The programs under ThreadSanitizer, driven from outside: everything that crosses threads, at once."""
import random
import subprocess
import threading

from harness.mqtt import served
from harness.process import build_dir

ROUNDS, CONNECTIONS = 40, 120


def load(stack, *more):
    credentials = stack.home / "credentials.env"
    credentials.write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={stack.key_id}\n"
                           f"ALIBABA_CLOUD_ACCESS_KEY_SECRET={stack.secret}\n")
    return subprocess.Popen([build_dir("release") / "mqtt_load", "--address", f"127.0.0.1:{stack.tls_port}", "--tls", "--sni",
                             "tsan.example.com", "--connections", str(CONNECTIONS), "--access-key-file", credentials,
                             "--instance", stack.instance, "--rate", "20", "--hold", *more], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def take_over(stack, stop, failures):
    """The same few client IDs again and again: sessions taken, connections moved, some cut in the middle."""
    chance = random.Random(3)
    while not stop.is_set():
        try:
            c = stack.client(f"GID_t@@@{chance.randrange(4)}", sni="tsan.example.com", clean=chance.random() < 0.5)
            c.subscribe("t/#", 1)
            c.publish("t/x", "x", 1, wait=False)
            c.close(disconnect=chance.random() < 0.5)
        except (OSError, EOFError):
            continue  # taken over by the other thread in the middle: that is what is wanted
        except AssertionError as e:
            failures.append(e)
            return


def test_nothing_races_while_everything_happens_at_once(open_stack, authority):
    s = open_stack(build="tsan", workers=3)
    ids = [s.upload(authority.issue("tsan.example.com")) for _ in range(2)]
    assert s.set_sni(ids[0], f"tsan.example.com#{ids[0]}").status == 200
    loads = [load(s, "--qos", "1"), load(s, "--qos", "0", "--p2p")]
    stop, failures = threading.Event(), []
    threads = [threading.Thread(target=take_over, args=(s, stop, failures)) for _ in range(2)]
    try:
        for p in loads:
            assert p.stdout.readline().strip() == "ready"
        for t in threads:
            t.start()
        for n in range(ROUNDS):
            reply = s.set_sni(ids[0], f"tsan.example.com#{ids[n % 2]};*.n{n}.example.com#{ids[0]}")
            assert reply.status == 200, reply
            s.applied(reply)
            served(s.tls_port, "tsan.example.com")
            assert s.status()["ok"]
    finally:
        stop.set()
        for t in threads:
            t.join()
        for p in loads:
            p.stdin.close()
    results = [p.stdout.read() for p in loads]
    assert all(p.wait(60) == 0 for p in loads), results
    assert not failures, failures
    assert s.broker.stop() == 0 and s.api_process.stop() == 0  # while sessions are still there
    for p in s.processes:
        p.check_clean()
        p.expected_dead = True
