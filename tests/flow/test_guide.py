"""docs/device-certificates.md as a reader follows it: every block, in order, from an empty directory; and what each section
says is so. docs/device-authentication.md: its table is the program's."""
import re

import pytest
from harness.certs import fingerprint, openssl
from harness.expect import answered
from harness.process import ROOT, wait_until
from harness.reader import Reader, blocks

GUIDE, REFERENCE = ROOT / "docs" / "device-certificates.md", ROOT / "docs" / "device-authentication.md"
DOMAIN = "mqtt.factory.example"
X509_ALERTS = {  # RFC 8446 §6.2 as OpenSSL 3.0 chooses for what a verify callback says
    "CERT_CHAIN_TOO_LONG": "unknown_ca", "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": "unknown_ca", "CERT_REVOKED": "certificate_revoked",
    "CERT_NOT_YET_VALID": "bad_certificate", "CERT_HAS_EXPIRED": "certificate_expired", "INVALID_PURPOSE": "unsupported_certificate",
    "EE_KEY_TOO_SMALL": "bad_certificate", "CA_MD_TOO_WEAK": "bad_certificate", "CERT_SIGNATURE_FAILURE": "decrypt_error",
    "CERT_REJECTED": "bad_certificate", "OUT_OF_MEM": "internal_error"}
CONNACKS = {"MQTT_UNAVAILABLE": 3, "MQTT_BAD_LOGIN": 4, "MQTT_NOT_AUTHORIZED": 5}


def documented(heading):
    """What the guide shows as output in a section."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", GUIDE.read_text(encoding="utf-8"), re.M | re.S).group(1)
    return re.findall(r"^```text\n(.*?)^```\n", section, re.M | re.S)


class Look:
    """What is so after a section, from where the reader cannot see it."""

    def __init__(self, stack, reader):
        self.stack, self.reader = stack, reader

    def ask(self, operation, **params):
        return answered(self.stack.api.v3(operation, {"MqttInstanceId": self.stack.instance, **params}), operation)

    def cas(self):
        return {c["CaName"]: c["Status"] for c in self.ask("ListCaCertificate", PageNo="1", PageSize="10")["Data"]["CaCertificateVOS"]}

    def devices(self):
        """Names of the registered devices, and whether they are active."""
        return {name: active == "t" for name, active in self.stack.sql("SELECT name, active FROM device_certificate")}

    def mode(self):
        return self.ask("DescribeInstance")["AuthenticationMode"]

    def refusals(self, text):
        return len(re.findall(text, self.stack.broker.text()))

    # ---- a method a section; `told`: what its blocks have printed ----
    def after_1(self, told):
        text = openssl("x509", "-in", self.reader.folder / "CA.crt", "-noout", "-text").decode()
        assert "CA:TRUE" in text and "CN = Factory CA" in text and "sha512" in text

    def after_2(self, told):
        assert self.cas() == {"factory": "1"}
        assert '"Status": "1"' in told[0]

    def after_3(self, told):
        mine = fingerprint((self.reader.folder / "server.crt").read_text())
        assert self.stack.served(DOMAIN) == self.stack.served("another.example.org") == self.stack.served() == mine
        assert f"CN = {DOMAIN}" in told[-1] and "Verification: OK" in told[-1]

    def after_4(self, told):
        assert self.devices() == {}

    def after_5(self, told):
        assert self.mode() == "mutual"
        assert "rror" in told[1] and "refused, as it should be" in told[1]
        assert told[2] == "" and self.devices() == {"pump-1": True}
        sn = openssl("x509", "-in", self.reader.folder / "client.crt", "-noout", "-serial").decode().strip().split("=")[1].lower()
        assert sn in told[3]

    def after_6(self, told):
        assert DOMAIN in self.reader.hosts.read_text()
        assert "rror" not in told[0]

    def after_7(self, told):
        assert "refused, as it should be" in told[0] and self.refusals("bad user name or password") == 1
        assert "refused: no user name" in told[1] and self.refusals("no user name or password") == 1

    def after_8(self, told):
        ended, alert = documented("8. Shut a device out, let it in again")
        assert "GID_line1@@@pump-1" in told[0], "the list of sessions"
        assert ended.startswith("Error: ") and re.search("^Error: ", told[0], re.M), "in which words depends on when the alert comes"
        assert told[1] == alert
        assert "rror" not in told[2] and self.devices() == {"pump-1": True}

    def after_9(self, told):
        assert "refused: revoked" in told[0] and wait_until(
            lambda: self.refusals("on its CA's revocation list") == 1, what="the broker to say why")
        assert self.stack.sql("SELECT count(*) FROM ca_crl") == [["0"]]

    def after_10(self, told):
        assert self.devices() == {"pump-1": True, "pump-2": True, "pump-3": True}
        assert self.cas() == {"factory": "1", "plant-7": "0"}
        assert "rror" not in told[1] and told[2].count("refused: its CA is inactive") == 1

    def after_11(self, told):
        assert self.mode() == "one-way" and self.cas() == {} and self.devices() == {}
        assert self.stack.sql("SELECT count(*) FROM server_certificate") == [["0"]]


def test_from_an_empty_directory_to_the_end(stack, tmp_path):
    empty, notes = tmp_path / "empty", tmp_path / "notes"
    empty.mkdir()
    notes.mkdir()
    seen, told = [], {}
    page = blocks(GUIDE)
    with Reader(stack, empty, notes) as reader:
        look = Look(stack, reader)
        for n, (heading, block) in enumerate(page):
            told.setdefault(heading, []).append(reader.types(block))
            if n + 1 == len(page) or page[n + 1][0] != heading:
                number = heading.split(".")[0]
                if number.isdigit():
                    getattr(look, f"after_{number}")(told[heading])
                    seen.append(int(number))
    assert seen == list(range(1, 12))


def rows():
    """reason → (alert, CONNACK) as the page has it."""
    found = re.findall(r"^\| `(\w+)` \| .*? \| (.*?) \| (\d) \|$", REFERENCE.read_text(encoding="utf-8"), re.M)
    return {reason: (re.sub(r"[`]| \(.*", "", alert), int(connack)) for reason, alert, connack in found}


def program():
    """Likewise, from broker/refusal.h."""
    table = {}
    for label, verify, connack in re.findall(r'X\(\w+,\s+"(\w+)",\s+STAGE_\w+,\s+(\w+),\s+(\w+),',
                                             (ROOT / "broker" / "refusal.h").read_text(encoding="utf-8")):
        alert = X509_ALERTS[verify.removeprefix("X509_V_ERR_")] if verify != "0" else ""
        table[label] = (alert, CONNACKS.get(connack))
    return table


def test_the_table_of_refusals_is_the_programs():
    page, table = rows(), program()
    assert len(table) > 30
    table["no_certificate"] = ("certificate_required", table["no_certificate"][1])  # said by OpenSSL itself
    assert page == {reason: table[reason] for reason in page}


@pytest.mark.parametrize("reason", sorted(program()))
def test_every_refusal_is_on_the_page(reason):
    assert f"`{reason}`" in REFERENCE.read_text(encoding="utf-8")
