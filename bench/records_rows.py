# SPDX-License-Identifier: Apache-2.0
"""records_rows: CA and device records for records.py and flat.py, made by the database itself: CA rows directly,
devices through device_register(), as brokers register them. Each DER is a certificate's (RSA 2048) with a serial
number and a signature of its own: as long as a real one, as hard to compress, and readable."""

import os
import subprocess

SIGNATURE = 256  # octets; the last ones of the DER
SERIAL = "0123456789abcdef0123456789abcdef"
BATCH = 10000

FUNCTIONS = r"""
CREATE FUNCTION bench_sn(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '01' || encode(substr(sha256(int8send(i)), 1, 15), 'hex') $$;
CREATE FUNCTION bench_der(i bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay('%(front)s'::bytea PLACING decode(bench_sn(i), 'hex') FROM %(serial)d)
        || sha512(int8send(i)) || sha512(int8send(i + 1)) || sha512(int8send(i + 2)) || sha512(int8send(i + 3))
    $$;
CREATE FUNCTION bench_register(instance text, ca bigint, first bigint, last bigint) RETURNS bigint
LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT array_agg(bench_sn(i) ORDER BY i) AS sn,
            array_agg(sha256(bench_der(i)) ORDER BY i) AS sha, array_agg(bench_der(i) ORDER BY i) AS der,
            array_agg('device-' || i ORDER BY i) AS name,
            array_agg(timestamptz '2026-01-01' + i * interval '1 second' ORDER BY i) AS begins,
            array_agg(timestamptz '2036-01-01' + i * interval '1 second' ORDER BY i) AS ends
        FROM generate_series(first, last) i) a,
        device_register(instance, ca, a.sn, a.sha, a.der, a.name, a.begins, a.ends) r
        WHERE r.state = 'registered' $$;
"""

CAS = """
INSERT INTO ca_certificate (mqtt_instance_id, sn, name, der, sha256, verification_der, registration_code,
    not_before, not_after, revision)
SELECT '%(instance)s', bench_sn(-i), 'ca-' || i, bench_der(-i), sha256(bench_der(-i)),
    bench_der(-i - 10000000), md5(i::text), timestamptz '2026-01-01', timestamptz '2036-01-01', 0
    FROM generate_series(1, %(count)d) i ORDER BY i
"""

# The first CA has half of the devices, the others the rest in equal parts: a large one and small ones.
DEVICES = """
DO $$
DECLARE
    ca bigint;
    at bigint := 0;
    part bigint;
    n bigint := 0;
BEGIN
    SET synchronous_commit = off;
    FOR ca IN SELECT id FROM ca_certificate WHERE mqtt_instance_id = '%(instance)s' ORDER BY id LOOP
        n := n + 1;
        part := %(first)d + (%(devices)d - %(first)d) * (n - 1) / greatest(%(cas)d - 1, 1);
        WHILE at < part LOOP
            PERFORM bench_register('%(instance)s', ca, at + 1, least(at + %(batch)d, part));
            at := least(at + %(batch)d, part);
            COMMIT;
        END LOOP;
    END LOOP;
END $$
"""


def template(folder):
    """DER without its signature, and where its serial number is (from 1)."""
    path = os.path.join(folder, "template.der")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-outform", "DER"]
        + ["-subj", "/C=CN/O=Example/OU=Factory 7/CN=device-00000000", "-set_serial", "0x" + SERIAL]
        + ["-keyout", "/dev/null", "-out", path],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    with open(path, "rb") as file:
        der = file.read()
    return der[:-SIGNATURE], der.index(bytes.fromhex(SERIAL)) + 1


class Rows:
    """CA n (from 1) has the serial number sn(-n); device n, the n-th to be registered, sn(n)."""

    def __init__(self, stack, instance, cas, devices):
        self.stack, self.instance, self.cas, self.devices = stack, instance, cas, devices
        self.first = devices // 2 if cas > 1 else devices  # of the first CA

    def make(self):
        front, serial = template(self.stack.folder)
        self.stack.psql(FUNCTIONS % {"front": "\\x" + front.hex(), "serial": serial})
        self.more_cas(self.instance, self.cas)
        self.stack.psql(
            DEVICES
            % {
                "instance": self.instance,
                "first": self.first,
                "devices": self.devices,
                "cas": self.cas,
                "batch": BATCH,
            }
        )
        self.stack.psql("VACUUM ANALYZE")
        of = f"FROM device_certificate WHERE mqtt_instance_id = '{self.instance}'"
        there = int(self.stack.psql(f"SELECT count(*) {of}"))
        if there != self.devices:
            raise RuntimeError(f"{there} devices are registered, not {self.devices}")

    def more_cas(self, instance, count):
        self.stack.psql(CAS % {"instance": instance, "count": count})

    def sn(self, *numbers):
        listed = ",".join(map(str, numbers))
        numbered = f"unnest(ARRAY[{listed}]::bigint[]) WITH ORDINALITY u(n, place)"
        return self.stack.psql(f"SELECT bench_sn(n) FROM {numbered} ORDER BY place").splitlines()

    def ca_of(self, device):
        """The number of the CA that device n belongs to."""
        here = f"mqtt_instance_id = '{self.instance}'"
        its = f"SELECT ca_id FROM device_certificate WHERE {here} AND ordinal = {device}"
        return int(self.stack.psql(f"SELECT count(*) FROM ca_certificate WHERE {here} AND id <= ({its})"))
