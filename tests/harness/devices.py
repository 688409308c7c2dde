"""Device certificates as brokers register them: device_register() over SQL, in the broker's role. Real ones are made by an
Authority; made-up ones, where thousands are needed, have random bytes for DER."""
import random
import re
import ssl
import subprocess
import threading

from .certs import openssl

DIFFERENCES = """
WITH there AS (
    SELECT mqtt_instance_id, ca_id, span, number / span AS block, count(*)::integer AS live
    FROM (SELECT mqtt_instance_id, 0::bigint AS ca_id, ordinal AS number FROM device_certificate
        UNION ALL SELECT mqtt_instance_id, ca_id, ca_ordinal FROM device_certificate) d, (VALUES (100), (10000)) s(span)
    GROUP BY 1, 2, 3, 4)
SELECT * FROM (SELECT 'is there', * FROM (SELECT * FROM there EXCEPT SELECT * FROM device_block) a
    UNION ALL SELECT 'is counted', * FROM (SELECT * FROM device_block EXCEPT SELECT * FROM there) b) x"""


def canonical(serial):
    """Hex as the API writes it: of the DER INTEGER's content octets."""
    digits = serial.lower().lstrip("0") or "0"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return "00" + digits if int(digits[0], 16) >= 8 else digits


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Device:
    """What a broker knows of a certificate that was presented to it."""

    def __init__(self, certificate, name):
        self.certificate, self.name, self.pem = certificate, name, certificate.crt
        self.der = ssl.PEM_cert_to_DER_cert(certificate.crt)
        text = openssl("x509", "-in", certificate.crt_path, "-noout", "-serial", "-startdate", "-enddate").decode()
        self.sn = canonical(re.search(r"serial=([0-9A-F]+)", text).group(1))
        self.begin, self.end = (ssl.cert_time_to_seconds(re.search(rf"{w}=(.*)", text).group(1)) for w in ("notBefore", "notAfter"))


class Ca:
    """A registered CA certificate. `authority` signs; None: for made-up devices only."""
    own = None  # whose made-up devices these are, when not this CA's own

    def __init__(self, stack, authority=None, instance=None, sn=None, active=True):
        self.stack, self.authority, self.instance = stack, authority, instance or stack.instance
        if authority is not None:
            text = openssl("x509", "-in", authority.crt_path, "-noout", "-serial").decode()
            sn = sn or canonical(text.strip().split("=")[1])
        self.sn = sn or canonical(f"{random.getrandbits(120):x}")
        self.id = int(stack.sql(
            "INSERT INTO ca_certificate (mqtt_instance_id, sn, name, der, sha256, verification_der, registration_code, active, "
            f"not_before, not_after, revision) VALUES ({quoted(self.instance)}, '{self.sn}', 'test', '\\x00', "
            f"sha256('{self.sn}'::bytea), '\\x00', 'none', {active}, now(), now() + '1 year', 0) RETURNING id")[0][0])

    def issue(self, name, **kwargs):
        return Device(self.authority.issue(name, usage="clientAuth", **kwargs), name)

    def register_sql(self, devices, instance=None):
        def array(values, kind):
            return f"ARRAY[{', '.join(values)}]::{kind}[]"

        return (f"SELECT * FROM device_register({quoted(instance or self.instance)}, {self.id}, "
                f"{array((quoted(d.sn) for d in devices), 'text')}, "
                f"{array((f'sha256({quoted(chr(92) + chr(120) + d.der.hex())}::bytea)' for d in devices), 'bytea')}, "
                f"{array((quoted(chr(92) + chr(120) + d.der.hex()) for d in devices), 'bytea')}, "
                f"{array((quoted(d.name) for d in devices), 'text')}, "
                f"{array((f'to_timestamp({d.begin})' for d in devices), 'timestamptz')}, "
                f"{array((f'to_timestamp({d.end})' for d in devices), 'timestamptz')})")

    def register_with_ca(self, devices, instance=None):
        """Of each, in their order, its state and the ID of the CA that it is registered under."""
        rows = self.stack.sql(self.register_sql(devices, instance), user="signet_broker")
        assert not rows or [[r[0], r[1]] for r in rows] == [[str(n + 1), d.sn] for n, d in enumerate(devices)], rows
        return [(row[2], int(row[3])) for row in rows]

    def register(self, devices, instance=None):
        """Their states, in their order."""
        return [state for state, _ in self.register_with_ca(devices, instance)]

    def digest_sql(self, number):
        """Of the made-up device with this number."""
        return f"sha256(int8send({number}::bigint # {(self.own or self.id) << 32}))"

    def make_up_sql(self, first, last):
        """Registers the made-up devices with these numbers; prints how many have which state."""
        return ("SELECT r.state, count(*) FROM (SELECT array_agg(lpad(to_hex(i), 8, '0') ORDER BY i) AS sn, "
                "array_agg(%s ORDER BY i) AS sha, array_agg(sha512(int8send(i)) ORDER BY i) AS der, array_agg('d' || i ORDER BY i) "
                "AS name, array_agg(now() ORDER BY i) AS t FROM generate_series(%d, %d) i) a, device_register('%s', %d, a.sn, "
                "a.sha, a.der, a.name, a.t, a.t) r GROUP BY 1 ORDER BY 1;"
                % (self.digest_sql("i"), first, last, self.instance, self.id))

    def make_up(self, first, last):
        return dict(self.stack.sql(self.make_up_sql(first, last), user="signet_broker"))

    def params(self, device=None, **more):
        return {"MqttInstanceId": self.instance, "CaSn": self.sn, **({"DeviceSn": device.sn} if device else {}), **more}


def differences(stack):
    """Between device_block and what is there; none, ever."""
    return stack.sql(DIFFERENCES)


class Session(threading.Thread):
    """Statements one after the other on one connection of their own, each its own transaction; goes on after an error."""

    def __init__(self, stack, statements, user="signet_broker"):
        super().__init__()
        self.url, self.text, self.out, self.errors = stack.cluster.url(stack.database, user), "\n".join(statements), "", ""

    def run(self):
        done = subprocess.run(["psql", "-XqAt", "-F", " ", "-d", self.url], input=self.text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        self.out, self.errors = done.stdout, done.stderr


def at_once(sessions):
    for s in sessions:
        s.start()
    for s in sessions:
        s.join()
    return sessions
