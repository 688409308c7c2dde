"""Two API processes on one database, two brokers of one instance and one of another, and everybody changes everything at
once: the history is one line, nothing that was acknowledged is lost, and every broker ends on the last revision."""
import random
import threading
import time
from collections import Counter

import pytest
from harness import ca as registry
from harness import devices
from harness.api import CAS, Api
from harness.expect import answered
from harness.keys import grants
from harness.mqtt import served
from harness.process import wait_until

SECONDS, THREADS, OTHER = 15, 12, "mqtt-cn-signet00002"
PASSWORD, FIRST_DEVICE = "two#apis", 0x10000001
DOMAINS = [f"d{n}.example.com" for n in range(8)] + ["*.example.com"]

# What may be answered when somebody else was faster; anything else is a defect.
MAY_REFUSE = {
    "SetSniConfig": {"InvalidSniConfig", "InvalidDefaultCertificate"},  # a certificate was deleted
    "RollbackConfig": {"RollbackImpossible"},
    "SetAuthenticationMode": {"InvalidServerCertificate", "NotFound"},
    "DeleteUserCertificate": {"NotFound", "InvalidStatus.DeleteProtection"},
    "ActiveCaCertificate": {"FindCaBySnError"}, "InactivateCaCertificate": {"FindCaBySnError"},
    "DeleteCaCertificate": {"FindCaBySnError"},
    "ActiveDeviceCertificate": {"FindCaBySnError", "FindDeviceBySnError"},
    "InactivateDeviceCertificate": {"FindCaBySnError", "FindDeviceBySnError"},
    "DeleteDeviceCertificate": {"FindCaBySnError", "FindDeviceBySnError"},
    "DeleteAccessKey": {"EntityNotExist.User.AccessKey"},
}


class Broker:
    def __init__(self, stack, name, instance):
        self.stack, self.instance = stack, instance
        run_dir = stack.home / f"run-{name}"
        run_dir.mkdir(mode=0o700)
        env = {**stack.broker_env, "SIGNET_RUN_DIR": run_dir, "SIGNET_STORE_DIR": stack.home / f"store-{name}",
               "SIGNET_INSTANCE": instance, "SIGNET_WORKERS": 1,
               "SIGNET_MQTTS_LISTEN": "127.0.0.1:0", "SIGNET_MQTT_LISTEN": "127.0.0.1:0"}
        process = stack._process(name, "signet-broker", env).start()
        self.port = int(process.logged(r"listener=mqtts port=(\d+)").group(1))


class Devices(devices.Ca):
    """Of a CA that was registered through the API."""

    def __init__(self, stack, instance, sn):
        self.stack, self.instance, self.sn = stack, instance, sn
        self.id = int(stack.sql(f"SELECT id FROM ca_certificate WHERE mqtt_instance_id = '{instance}' AND sn = '{sn}'")[0][0])


class World:
    """Everything there is to quarrel about."""

    def __init__(self, stack, authority, folder):
        self.stack, self.instances = stack, (stack.instance, OTHER)
        answered(stack.api.v3("CreateInstance", {"MqttInstanceId": OTHER}), "CreateInstance")
        second = stack._process("api2", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
        port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
        self.apis = (stack.api, Api(port, stack.key_id, stack.secret))
        self.ports = {stack.instance: [stack.tls_port, Broker(stack, "broker2", stack.instance).port],
                      OTHER: [Broker(stack, "broker3", OTHER).port]}
        self.sha256, self.locked = {}, set()  # of every certificate; those with an encrypted key
        kinds = [authority.issue(f"{n}.example.com") for n in "abv"] + \
            [authority.issue(f"{n}.example.com", password=PASSWORD) for n in "efw"]
        self.volatile = (kinds[2], kinds[5])
        self.plain, self.stay = [self.upload(stack.api, c) for c in kinds[:2]], [self.upload(stack.api, c) for c in kinds[3:5]]
        self.passing = [self.upload(stack.api, self.volatile[n % 2]) for n in range(6)]  # that come and go
        self.keys = []
        self.cas = [(i, self.register(folder, i)) for i in self.instances for _ in range(3)]
        self.acknowledged, self.wrong, self.lock = [], [], threading.Lock()

    def upload(self, api, certificate):
        reply = api.v3("UploadUserCertificate", {"Name": f"v-{random.getrandbits(80):x}", "Cert": certificate.chain,
                                                 "Key": certificate.key}, version=CAS)
        cert = f"{answered(reply, 'UploadUserCertificate')['CertId']}-cn-hangzhou"
        self.sha256[cert] = certificate.sha256
        if "ENCRYPTED" in certificate.key:
            self.locked.add(cert)
        return cert

    def register(self, folder, instance):
        sn = registry.registered(self.stack, registry.Ca(folder), instance)
        assert Devices(self.stack, instance, sn).make_up(FIRST_DEVICE, FIRST_DEVICE + 19) == {"registered": "20"}
        return sn


class Hand(threading.Thread):
    """One of those who change things. Its own connection to one of the two processes, its own dice."""

    def __init__(self, world, number, end):
        super().__init__()
        self.world, self.dice, self.end = world, random.Random(number), end
        self.api = world.apis[number % 2]
        self.connection = self.api.connection()

    def call(self, operation, wanted=None, **params):
        reply = self.api.v3(operation, {k: str(v) for k, v in params.items()}, keep=self.connection,
                            version=CAS if operation.endswith("UserCertificate") else "2020-04-20")
        if reply.status == 200:
            self.world.acknowledged.append((operation, params, wanted, answered(reply, operation)))
        elif reply.status >= 500 or reply.code not in MAY_REFUSE.get(operation, ()):
            self.world.wrong.append((operation, params, reply))
        return reply

    def set_sni(self, instance):
        """The whole mapping anew, or a third of it: so some calls ask for what is there already."""
        pool = self.world.plain + self.world.stay + self.dice.sample(self.world.passing, 2)
        domains = self.dice.sample(DOMAINS, self.dice.choice((2, 3, len(DOMAINS))))
        wanted = {d: self.dice.choice(pool) for d in domains}
        default = self.dice.choice(self.world.plain)
        text = ";".join(f"{d}#{c}" + (f"#{PASSWORD}" if c in self.world.locked else "") for d, c in wanted.items())
        self.call("SetSniConfig", (default, wanted), MqttInstanceId=instance, DefaultCertificate=default, SniConfig=text)

    def roll_back(self, instance):
        rows = self.api.v3("ListConfigRevisions", {"MqttInstanceId": instance, "PageSize": "30"}, keep=self.connection)
        numbers = [r["Revision"] for r in answered(rows, "ListConfigRevisions")["Revisions"]]
        if numbers:
            self.call("RollbackConfig", MqttInstanceId=instance, Revision=self.dice.choice(numbers))

    def set_mode(self, instance):
        self.call("SetAuthenticationMode", MqttInstanceId=instance, Mode="one-way",
                  ServerCertificate=self.dice.choice(self.world.plain))

    def change_ca(self, _):
        instance, sn = self.dice.choice(self.world.cas)
        verb = self.dice.choice(["Active"] * 8 + ["Inactivate"] * 8 + ["Delete"])
        self.call(f"{verb}CaCertificate", MqttInstanceId=instance, Sn=sn)

    def change_device(self, _):
        instance, sn = self.dice.choice(self.world.cas)
        verb = self.dice.choice(["Active"] * 4 + ["Inactivate"] * 4 + ["Delete"])
        device = f"{FIRST_DEVICE + self.dice.randrange(20):08x}"
        self.call(f"{verb}DeviceCertificate", MqttInstanceId=instance, CaSn=sn, DeviceSn=device)

    def change_certificate(self, _):
        gone = self.dice.choice(self.world.passing)
        self.world.passing[self.dice.randrange(6)] = self.world.upload(self.api, self.dice.choice(self.world.volatile))
        self.call("DeleteUserCertificate", CertId=gone.split("-")[0])

    def change_key(self, instance):
        where = self.dice.choice((instance, "*"))
        if self.world.keys and self.dice.random() < 0.6:
            self.call("DeleteAccessKey", UserAccessKeyId=self.dice.choice(self.world.keys))
            return
        reply = self.call("CreateAccessKey", **grants(f"write@{where}"))
        if reply.status == 200:
            self.world.keys.append(reply.json["AccessKey"]["AccessKeyId"])

    def run(self):
        deeds = ([self.set_sni] * 8 + [self.roll_back] * 3 + [self.change_ca] * 3 + [self.change_device] * 4 +
                 [self.change_certificate] * 2 + [self.change_key, self.set_mode])
        try:
            while time.monotonic() < self.end and not self.world.wrong:
                self.dice.choice(deeds)(self.dice.choice(self.world.instances))
        except Exception as e:  # pylint: disable=broad-except
            self.world.wrong.append(e)
        finally:
            self.connection.close()


class History:
    """All of an instance's revisions, replayed from nothing."""

    def __init__(self, stack, instance):
        where = f"WHERE mqtt_instance_id = '{instance}' ORDER BY revision"
        self.rows = stack.sql("SELECT revision, action, request_id, coalesce(before_default, 0), coalesce(after_default, 0), "
                              f"domains_added, domains_removed, domains_changed FROM config_revision {where}")
        changes = {}
        for number, *change in stack.sql("SELECT revision, domain, before_certificate_id, before_password_sealed, "
                                         f"after_certificate_id, after_password_sealed FROM config_change {where}, domain"):
            changes.setdefault(number, []).append(change)
        default, mapping, self.states, self.by_request = "0", {}, {"0": ("0", {})}, {}
        for number, action, request, before, after, *counts in self.rows:
            assert before == default, f"revision {number} begins with another default certificate than its predecessor left"
            seen = Counter()
            for domain, *change in changes.pop(number, []):
                was, now = tuple(change[:2]), tuple(change[2:])
                assert mapping.get(domain, ("", "")) == was, f"revision {number}: {domain} was not what it says"
                seen["added" if not was[0] else "removed" if not now[0] else "changed"] += 1
                mapping[domain] = now
                if not now[0]:
                    del mapping[domain]
            assert [int(c) for c in counts] == [seen[k] for k in ("added", "removed", "changed")]
            default = after
            self.states[number] = (default, dict(mapping))
            self.by_request[request] = (number, action)
        assert changes == {}, "changes of revisions that are not in the history"
        self.final = (default, mapping)

    def certificates(self, number):
        default, mapping = self.states[number]
        return f"{default}-cn-hangzhou", {d: f"{c}-cn-hangzhou" for d, (c, _) in mapping.items()}


@pytest.fixture
def world(open_stack, authority, tmp_path):
    return World(open_stack(workers=1), authority, tmp_path)


def is_one_line(world, instance):
    h = History(world.stack, instance)
    present = int(world.stack.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{instance}'")[0][0])
    assert [int(row[0]) for row in h.rows] == list(range(1, present + 1))
    return h


def tells_what_is_there(world, instance, h):
    """The replay of the history is the present state; what is in use is protected, and only that."""
    sql = world.stack.sql
    rows = sql("SELECT domain, certificate_id, password_sealed FROM sni_mapping WHERE certificate_id IS NOT NULL "
               f"AND mqtt_instance_id = '{instance}'")
    assert {d: (c, p) for d, c, p in rows} == h.final[1]
    default = sql(f"SELECT coalesce(default_certificate_id, 0) FROM instance WHERE mqtt_instance_id = '{instance}'")
    assert default == [[h.final[0]]]
    used = sql(f"SELECT certificate_id FROM sni_certificate WHERE mqtt_instance_id = '{instance}'")
    assert {c for c, in used} == {c for c, _ in h.final[1].values()}


def nothing_is_lost(world, histories):
    """Every answer "done" is a revision that did it; or it was so already, at some revision."""
    for operation, params, wanted, answer in world.acknowledged:
        if "MqttInstanceId" not in params:
            continue
        h = histories[params["MqttInstanceId"]]
        number, action = h.by_request.get(answer["RequestId"], (None, operation))
        assert action == operation
        if operation == "SetSniConfig":
            found = h.certificates(number) if number else None
            assert wanted in ([found] if number else [h.certificates(n) for n in h.states]), (number, wanted, found)
        elif operation == "RollbackConfig":
            was = h.certificates(str(params["Revision"]))
            assert h.certificates(str(answer["Revision"])) == was
            assert number is None or number == str(answer["Revision"])
        elif operation.startswith("Delete"):
            assert number is not None, (operation, params)


def is_audited(world, histories):
    """Each revision has its event, each event of a call names that call's access key and is in no other order."""
    events = {request for request, in world.stack.sql("SELECT request_id FROM audit_event")}
    for h in histories.values():
        assert {row[2] for row in h.rows} <= events
    acknowledged = {answer["RequestId"] for operation, _, _, answer in world.acknowledged}
    changes = {request for h in histories.values() for request in h.by_request}
    for operation, params, _, answer in world.acknowledged:
        if operation in ("CreateAccessKey", "DeleteAccessKey", "DeleteUserCertificate"):
            assert answer["RequestId"] in events, (operation, params)
    assert len(changes & acknowledged) > 50


def last_word_counts(world):
    """A CA or device is as the last change of it in the history says; devices go with their CA."""
    sql = world.stack.sql
    last = sql("SELECT DISTINCT ON (e.mqtt_instance_id, e.resource) e.mqtt_instance_id, e.resource, e.action FROM audit_event e "
               "JOIN config_revision r USING (mqtt_instance_id, request_id) WHERE e.resource ~ '^(ca|device)-certificate:' "
               "AND e.action ~ '^(Active|Inactivate|Delete)' ORDER BY e.mqtt_instance_id, e.resource, r.revision DESC")
    assert len(last) > 10
    active = {(i, r): a for i, r, a in sql(
        "SELECT mqtt_instance_id, 'ca-certificate:' || sn, active FROM ca_certificate WHERE NOT removed UNION ALL "
        "SELECT d.mqtt_instance_id, 'device-certificate:' || c.sn || '/' || d.sn, d.active FROM device_certificate d "
        "JOIN ca_certificate c ON c.id = d.ca_id")}
    gone = {(i, r.replace("ca-", "device-", 1)) for i, r, action in last if action == "DeleteCaCertificate"}
    for instance, resource, action in last:
        wanted = {"A": "t", "I": "f", "D": None}[action[0]]
        if (instance, resource.split("/")[0]) in gone:
            wanted = None
        assert active.get((instance, resource)) == wanted, (resource, action)


def keys_are_where_they_are_needed(world):
    rows = world.stack.sql(
        "SELECT id, serving_key_sealed IS NOT NULL, EXISTS (SELECT FROM sni_mapping WHERE certificate_id = c.id) OR EXISTS "
        "(SELECT FROM instance WHERE default_certificate_id = c.id) FROM server_certificate c WHERE key_encrypted")
    assert len(rows) >= 2 and not [row for row in rows if row[1] != row[2]], rows


def is_served(world, instance, h):
    """Every broker of the instance has the last revision, and every handshake shows it."""
    present = h.rows[-1][0]
    sql = f"SELECT applied_revision, rejected FROM broker_node WHERE mqtt_instance_id = '{instance}'"
    ports = world.ports[instance]
    wait_until(lambda: world.stack.sql(sql) == [[present, "[]"]] * len(ports), 20, f"the brokers of {instance} to have {present}")
    default, mapping = h.certificates(present)
    for port in ports:
        for domain, cert in mapping.items():
            assert served(port, domain.replace("*", "any")) == world.sha256[cert], (instance, port, domain)
        assert served(port, "nobody.example.org") == world.sha256[default]


def test_one_line_nothing_lost_and_every_broker_ends_on_the_last(world):
    end = time.monotonic() + SECONDS
    hands = [Hand(world, n, end) for n in range(THREADS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(120)
        assert not hand.is_alive()
    assert world.wrong == []
    done = Counter(operation for operation, *_ in world.acknowledged)
    print(dict(done))
    assert min(done[operation] for operation in MAY_REFUSE if operation != "DeleteCaCertificate") > 0, done

    histories = {}
    for instance in world.instances:
        histories[instance] = h = is_one_line(world, instance)
        tells_what_is_there(world, instance, h)
    nothing_is_lost(world, histories)
    is_audited(world, histories)
    last_word_counts(world)
    keys_are_where_they_are_needed(world)
    for instance, h in histories.items():
        is_served(world, instance, h)
    log = "\n".join(f.read_text(errors="replace") for f in (world.stack.cluster.folder / "log").iterdir())
    errors = [line for line in log.splitlines() if f"@{world.stack.database} " in line and "ERROR" in line]
    print("\n".join(errors))
    assert not [line for line in errors if "foreign key" not in line], errors  # which keeps what is in use
