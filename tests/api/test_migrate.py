"""signet-api --migrate, and programs that meet a schema which is not theirs."""
import hashlib
import os
import subprocess
import uuid

import pytest
from harness.process import ROOT, build_dir

PROGRAM = build_dir() / "signet-api"


class Database:
    def __init__(self, cluster):
        self.cluster, self.name = cluster, "m" + uuid.uuid4().hex
        cluster.sql("postgres", f'CREATE DATABASE "{self.name}" OWNER signet_api')

    def sql(self, statement):
        return self.cluster.sql(self.name, statement)

    def migrate_to(self, last):
        """As a program did that had only the first `last` migrations."""
        self.sql("SET ROLE signet_api; CREATE TABLE schema_migration (version integer PRIMARY KEY, name text NOT NULL, sha256 text "
                 "NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())")
        for version, file in enumerate(sorted((ROOT / "migrations").glob("*.sql"))[:last], 1):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            self.sql(f"SET ROLE signet_api; BEGIN; {file.read_text()} INSERT INTO schema_migration (version, name, sha256) VALUES "
                     f"({version}, '{file.name}', '{digest}'); COMMIT")

    def env(self, tmp_path):
        key = tmp_path / "master.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text("ab" * 32)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SIGNET_")}
        return {**clean, "SIGNET_DATABASE_URL": self.cluster.url(self.name, "signet_api"), "SIGNET_HOME": str(tmp_path),
                "SIGNET_API_LISTEN": "127.0.0.1:0"}

    def start(self, tmp_path, *args):
        return subprocess.Popen([PROGRAM, *args], env=self.env(tmp_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def run(self, tmp_path, *args):
        p = self.start(tmp_path, *args)
        try:
            out, _ = p.communicate(timeout=60)
        finally:
            p.kill()
        return p.returncode, out


@pytest.fixture
def database(cluster):
    d = Database(cluster)
    yield d
    cluster.sql("postgres", f'DROP DATABASE "{d.name}" WITH (FORCE)')


def shape(database):
    """Every column, constraint, index, grant, function and trigger."""
    return database.sql(
        "SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' ORDER BY 1, 2; "
        "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "
        "'public'::regnamespace ORDER BY 1, 2; SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1; "
        "SELECT grantee, table_name, column_name, privilege_type FROM information_schema.column_privileges "
        "WHERE grantee LIKE 'signet%' ORDER BY 1, 2, 3, 4; SELECT p.oid::regprocedure, md5(prosrc), proacl FROM pg_proc p WHERE "
        "pronamespace = 'public'::regnamespace ORDER BY 1; SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal "
        "ORDER BY 1, 2; SELECT version, name, sha256 FROM schema_migration ORDER BY 1")


def test_an_empty_database_is_migrated_once(database, tmp_path):
    status, out = database.run(tmp_path, "--migrate")
    assert status == 0, out
    first = shape(database)
    assert any(row[0] == "sni_mapping" for row in first)
    status, out = database.run(tmp_path, "--migrate")
    assert status == 0 and "applied=0" in out, out
    assert shape(database) == first


def test_a_database_of_the_first_version_becomes_the_same(database, tmp_path, cluster):
    """With its data: access keys could do everything, and still can."""
    database.migrate_to(1)
    database.sql("INSERT INTO access_key (access_key_id, account_id, secret_sealed, enabled) VALUES ('LTAIone', 1, 'x', true), "
                 "('LTAItwo', 1, 'x', false), ('LTAIother', 2, 'x', true)")
    database.sql("INSERT INTO instance (mqtt_instance_id, name, revision) VALUES ('mqtt-cn-old', 'old', 2);"
                 "INSERT INTO sni_mapping VALUES ('mqtt-cn-old', 'a.example.com', 1, NULL, 2);"
                 "INSERT INTO config_revision (mqtt_instance_id, revision, action, access_key_id, source_ip, request_id) SELECT "
                 "'mqtt-cn-old', n, 'SetSniConfig', 'LTAIone', '127.0.0.1', 'x' FROM generate_series(1, 2) n;"
                 "INSERT INTO config_change (mqtt_instance_id, revision, domain, before_certificate_id, after_certificate_id) VALUES "
                 "('mqtt-cn-old', 1, 'a.example.com', NULL, 1), ('mqtt-cn-old', 1, 'b.example.com', NULL, 1), "
                 "('mqtt-cn-old', 2, 'a.example.com', 1, 2), ('mqtt-cn-old', 2, 'b.example.com', 1, NULL)")
    status, out = database.run(tmp_path, "--migrate")
    assert status == 0 and "applied=0" not in out, out
    assert database.sql("SELECT * FROM access_grant ORDER BY 1") == [
        [key, "*", "admin"] for key in ("LTAIone", "LTAIother", "LTAItwo")]
    assert database.sql("SELECT access_key_id, account_id, enabled, description, last_used_at IS NULL FROM access_key ORDER BY 1") == [
        ["LTAIone", "1", "t", "", "t"], ["LTAIother", "2", "t", "", "t"], ["LTAItwo", "1", "f", "", "t"]]
    assert database.sql("SELECT revision FROM instance") == [["2"]]
    assert database.sql("SELECT domain, certificate_id, revision FROM sni_mapping") == [["a.example.com", "1", "2"]]
    assert database.sql("SELECT summary, domains_added, domains_removed, domains_changed FROM config_revision ORDER BY revision") == [
        ["", "2", "0", "0"], ["", "0", "1", "1"]]
    assert database.sql("SELECT key, access_key_may_connect(key, 'mqtt-cn-old') FROM unnest(ARRAY['LTAIone', 'LTAItwo', 'x']) key") == [
        ["LTAIone", "t"], ["LTAItwo", "f"], ["x", "f"]]
    upgraded, fresh = shape(database), Database(cluster)
    try:
        assert fresh.run(tmp_path, "--migrate")[0] == 0
        assert upgraded == shape(fresh)
    finally:
        cluster.sql("postgres", f'DROP DATABASE "{fresh.name}" WITH (FORCE)')


def test_a_second_migration_that_fails_leaves_the_first_alone(database, tmp_path):
    database.migrate_to(1)
    database.sql("SET ROLE signet_api; CREATE TABLE device_block (in_the_way text)")
    before = shape(database)
    status, out = database.run(tmp_path, "--migrate")
    assert status == 1 and "device_block" in out, out
    assert shape(database) == before
    status, out = database.run(tmp_path)
    assert status == 1 and "--migrate" in out, out
    database.sql("DROP TABLE device_block")
    assert database.run(tmp_path, "--migrate")[0] == 0


def test_two_at_once_do_it_once(database, tmp_path):
    both = [database.start(tmp_path, "--migrate") for _ in range(4)]
    outs = [p.communicate(timeout=60)[0] for p in both]
    assert [p.returncode for p in both] == [0] * 4, outs
    assert sum("applied=0" not in out for out in outs) == 1, outs
    versions = [int(row[0]) for row in database.sql("SELECT version FROM schema_migration ORDER BY 1")]
    assert versions == list(range(1, len(versions) + 1))


def test_an_altered_migration_is_refused(database, tmp_path):
    database.run(tmp_path, "--migrate")
    database.sql("UPDATE schema_migration SET sha256 = repeat('0', 64) WHERE version = 1")
    before = shape(database)
    for args in (["--migrate"], []):
        status, out = database.run(tmp_path, *args)
        assert status == 1 and "0001_initial.sql is not the one that was applied" in out, out
    assert shape(database) == before


def test_a_newer_schema_is_refused(database, tmp_path):
    database.run(tmp_path, "--migrate")
    database.sql("INSERT INTO schema_migration (version, name, sha256) SELECT max(version) + 1, '9999_future.sql', 'x' "
                 "FROM schema_migration")
    before = shape(database)
    for args in (["--migrate"], [], ["--create-access-key"]):
        status, out = database.run(tmp_path, *args)
        assert status == 1, out
        if args != ["--create-access-key"]:
            assert "newer than this program" in out and "9999_future.sql" in out, out
    assert shape(database) == before


def test_the_api_does_not_start_on_an_empty_database(database, tmp_path):
    status, out = database.run(tmp_path)
    assert status == 1 and "--migrate" in out, out
    assert database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [["0"]]


def test_a_migration_that_fails_leaves_nothing_behind(database, tmp_path):
    database.sql("SET ROLE signet_api; CREATE TABLE device_certificate (in_the_way text)")
    status, out = database.run(tmp_path, "--migrate")
    assert status == 1 and "device_certificate" in out, out
    tables = database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    assert tables == [["device_certificate"], ["schema_migration"]]
    database.sql("DROP TABLE device_certificate")
    status, out = database.run(tmp_path, "--migrate")
    assert status == 0, out


def test_an_api_that_runs_notices_a_newer_schema(open_stack):
    s = open_stack()
    s.sql("INSERT INTO schema_migration (version, name, sha256) SELECT max(version) + 1, '9999_future.sql', 'x' "
          "FROM schema_migration")
    reply = s.api.send("GET", "/readyz")
    assert reply.status == 503
    s.sql("DELETE FROM schema_migration WHERE name = '9999_future.sql'")
    assert s.api.send("GET", "/readyz").status == 200
