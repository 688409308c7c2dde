"""docs/api.md: its table is what the documents say, and its commands work, in the order in which they stand."""
import os
import re
import subprocess

from harness.expect import contents
from harness.process import ROOT

PAGE = ROOT / "docs" / "api.md"


def commands():
    return re.findall(r"^```sh\n(.*?)^```\n", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def run(stack, script, folder):
    """All of it in one shell; ends at the first command that fails."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("SIGNET_", "ALIBABA_"))}
    env |= {"SIGNET_HOME": str(stack.home), "SIGNET_ENDPOINT": f"http://127.0.0.1:{stack.api.port}",
            "PATH": f"{stack.binaries}:{env['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail"], input=script, env=env, cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def test_the_table_of_operations_is_current():
    done = subprocess.run(["/usr/bin/python3", ROOT / "scripts/lib/operations_table.py"], stdout=subprocess.PIPE, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout


def test_the_commands_do_what_the_page_says(stack, tmp_path):
    credentials = stack.home / "credentials.env"
    credentials.touch(mode=0o600)
    credentials.write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={stack.key_id}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={stack.secret}\n")
    keys = contents(stack)["access_key"]
    told = run(stack, "\n".join(commands()), tmp_path)
    assert len(commands()) > 8
    assert "<DescribeInstanceResponse>" in told and '"CertificateOrderList"' in told
    assert told.count("Forbidden.RAM") == 2 and "refused, as it should be" in told and "refused as well" in told
    assert contents(stack)["access_key"] == keys, "no access key is left behind"
    assert "InvalidStatus.DeleteProtection" in told and "refused: it is in use" in told
    actions = [row[0] for row in stack.sql("SELECT action FROM audit_event ORDER BY id")]
    assert actions == ["create-access-key", "CreateInstance", "UploadUserCertificate", "CreateAccessKey", "RotateAccessKey",
                       "UpdateAccessKey", "DeleteAccessKey", "DeleteAccessKey", "SetSniConfig", "RollbackConfig",
                       "RegisterCaCertificate", "InactivateCaCertificate", "ActiveCaCertificate", "UploadCaCrl", "DeleteCaCrl",
                       "DeleteCaCertificate", "ApplyToken", "RevokeToken", "RegisterDeviceCredential", "UnRegisterDeviceCredential",
                       "CreateGroupId", "DeleteGroupId", "CreateParentTopic", "DeleteParentTopic", "DeleteUserCertificate"]
    assert stack.sql("SELECT DISTINCT access_key_id FROM audit_event WHERE action <> 'create-access-key'") == [[stack.key_id]]
    assert stack.sql("SELECT count(*) FROM sni_mapping WHERE certificate_id IS NOT NULL") == [["0"]], "rolled back"
