"""The broker's role in the database can read what it serves, say what it serves, and register devices by one
function. Nothing more."""
import pytest

# How clients sign in: brokers read all of it, and change nothing.
LOGIN_TABLES = ("mqtt_group", "parent_topic", "token_key", "token_revocation", "device_credential", "custom_identity",
                "custom_permission", "connect_black", "login_removal")

FORBIDDEN = [
    *(f"DELETE FROM {table}" for table in LOGIN_TABLES), *(f"UPDATE {table} SET revision = 0" for table in LOGIN_TABLES),
    *(f"INSERT INTO {table} (mqtt_instance_id, revision) VALUES ('x', 1)" for table in LOGIN_TABLES),
    "SELECT device_credentials FROM instance",
    "SELECT key_sealed FROM server_certificate", "SELECT * FROM server_certificate", "SELECT name FROM server_certificate",
    "SELECT tags FROM server_certificate", "SELECT password_sealed FROM sni_mapping", "SELECT * FROM sni_mapping",
    "SELECT created_at FROM access_key", "SELECT name FROM instance", "SELECT nonce_sha256 FROM request_nonce",
    "SELECT count(*) FROM request_nonce", "SELECT * FROM config_revision", "SELECT * FROM config_change",
    "SELECT * FROM schema_migration", "SELECT * FROM access_grant", "SELECT mqtt_instance_id FROM access_grant",
    "SELECT * FROM audit_event", "SELECT * FROM registration_code", "SELECT code FROM registration_code",
    "SELECT * FROM device_counter", "SELECT * FROM device_block", "SELECT description FROM access_key",
    "SELECT last_used_at FROM access_key", "SELECT * FROM device_page('x', 0, 0)", "SELECT device_queue('x')",
    "UPDATE instance SET revision = revision + 1", "UPDATE instance SET authentication_mode = 0",
    "UPDATE instance SET default_certificate_id = NULL", "UPDATE access_key SET enabled = true",
    "UPDATE sni_mapping SET certificate_id = NULL", "UPDATE server_certificate SET serving_key_sealed = NULL",
    "UPDATE device_certificate SET active = true", "UPDATE ca_certificate SET active = true",
    "UPDATE ca_crl SET entries = 0", "INSERT INTO ticket_key VALUES ('x', '', '')", "DELETE FROM ticket_key",
    "UPDATE ocsp_response SET response = NULL", "UPDATE device_last_seen SET seen_at = now()", "SELECT * FROM device_last_seen",
    "UPDATE device_counter SET last_ordinal = 0", "UPDATE device_block SET live = 0", "UPDATE access_grant SET action = 'admin'",
    "UPDATE registration_code SET used_at = NULL",
    "INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn) VALUES ('x', 1, 'x')",
    "INSERT INTO device_removal VALUES ('x', 1, '')", "INSERT INTO device_block VALUES ('x', 0, 100, 0, 1)",
    "INSERT INTO access_grant VALUES ('x', '*', 'admin')", "INSERT INTO registration_code (code) VALUES ('x')",
    "INSERT INTO audit_event (account_id) VALUES (1)", "DELETE FROM audit_event", "DELETE FROM access_grant",
    "DELETE FROM device_removal", "DELETE FROM device_block",
    "INSERT INTO access_key (access_key_id, secret_sealed) VALUES ('x', '')",
    "INSERT INTO instance (mqtt_instance_id, name) VALUES ('x', 'x')",
    "INSERT INTO sni_mapping (mqtt_instance_id, domain, revision) VALUES ('x', 'x', 1)",
    "INSERT INTO request_nonce VALUES ('x', '', now())",
    "INSERT INTO ca_certificate (mqtt_instance_id) VALUES ('x')",
    "DELETE FROM sni_mapping", "DELETE FROM instance", "DELETE FROM access_key", "DELETE FROM server_certificate",
    "DELETE FROM device_certificate", "DELETE FROM ca_certificate", "DELETE FROM request_nonce",
    "TRUNCATE sni_mapping", "DROP TABLE sni_mapping", "ALTER TABLE instance ADD COLUMN x int", "CREATE TABLE mine (x int)",
    "CREATE SCHEMA mine", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "LOCK TABLE instance",
    "SELECT * FROM instance FOR UPDATE", "SET ROLE signet_api", "SET SESSION AUTHORIZATION signet_owner",
    "ALTER ROLE signet_broker SUPERUSER", "CREATE ROLE x", "GRANT signet_api TO signet_broker",
    "COPY instance TO PROGRAM 'id'", "SELECT pg_read_file('/etc/passwd')", "SELECT pg_reload_conf()",
    "SELECT rolpassword FROM pg_authid", "SELECT setval('server_certificate_id_seq', 1)",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'signet_broker'"]

ALLOWED = [
    *(f"SELECT * FROM {table}" for table in LOGIN_TABLES),
    "SELECT access_key_id, account_id, secret_sealed, enabled FROM access_key",
    "SELECT id, leaf_der, chain_der, leaf_sha256, serving_key_sealed FROM server_certificate",
    "SELECT mqtt_instance_id, revision, default_certificate_id FROM instance",
    "SELECT mqtt_instance_id, domain, certificate_id, revision FROM sni_mapping",
    "SELECT * FROM ca_certificate", "SELECT * FROM device_certificate", "SELECT * FROM broker_node", "LISTEN signet_instance",
    "SELECT * FROM device_removal", "SELECT access_key_may_connect('x', 'x')", "SELECT access_key_uses('x', 'x')",
    "SELECT * FROM device_register('x', 1, ARRAY['01'], ARRAY[''::bytea], ARRAY[''::bytea], ARRAY[''], ARRAY[now()], ARRAY[now()])",
    "SELECT device_seen('x', ARRAY[''::bytea], ARRAY[now()])", "SELECT ticket_key_add('x', ''::bytea, ''::bytea, 1, 1)",
    "SELECT login_required FROM instance", "SELECT * FROM ca_crl", "SELECT * FROM ticket_key",
    "SELECT certificate_id, response, next_update, fetched_at FROM ocsp_response", "SELECT not_after FROM server_certificate",
    "SELECT mqtt_instance_id, certificate_id FROM sni_certificate"]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_broker_may_not(shared, statement):
    with pytest.raises(AssertionError, match="(?i)permission denied|must (be|have)|not permitted|cannot"):
        shared.sql(f"BEGIN; {statement}; ROLLBACK", user="signet_broker")


@pytest.mark.parametrize("statement", ALLOWED)
def test_the_broker_may(shared, statement):
    shared.sql(f"BEGIN; {statement}; ROLLBACK", user="signet_broker")


def test_every_column_the_broker_may_touch_is_meant_to_be(shared):
    """The whole list of its grants: whoever adds one must say so here."""
    rows = shared.sql("SELECT table_name || '.' || privilege_type || ' ' || string_agg(column_name, ' ' ORDER BY column_name) "
                      "FROM information_schema.column_privileges WHERE grantee IN ('signet_broker', 'PUBLIC') AND table_schema = "
                      "'public' GROUP BY table_name, privilege_type ORDER BY 1")
    grants = dict(row[0].split(" ", 1) for row in rows)
    whole = {name for name in grants if name.split(".")[0] in ("broker_node", "ca_certificate", "ca_crl", "device_certificate",
                                                               "device_removal", "ticket_key", *LOGIN_TABLES)}
    assert {name: grants[name] for name in set(grants) - whole} == {
        "access_key.SELECT": "access_key_id account_id enabled secret_sealed",
        "instance.SELECT": "account_id authentication_mode created_at default_certificate_id login_required marks_from "
        "mqtt_instance_id revision",
        "ocsp_response.SELECT": "certificate_id fetched_at next_update response",
        "server_certificate.SELECT": "chain_der id leaf_der leaf_sha256 not_after serving_key_sealed",
        "sni_certificate.SELECT": "certificate_id mqtt_instance_id",
        "sni_mapping.SELECT": "certificate_id domain mqtt_instance_id revision"}
    assert whole == {"broker_node.INSERT", "broker_node.SELECT", "broker_node.UPDATE", "ca_certificate.SELECT",
                     "ca_crl.SELECT", "device_certificate.SELECT", "device_removal.SELECT", "ticket_key.SELECT",
                     *(f"{table}.SELECT" for table in LOGIN_TABLES)}


def test_every_function_the_broker_may_call_is_meant_to_be(shared):
    rows = shared.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype "
                      "AND has_function_privilege('signet_broker', oid, 'EXECUTE') ORDER BY 1")
    assert rows == [["access_key_may_connect"], ["access_key_uses"], ["device_register"], ["device_seen"], ["ticket_key_add"]]


def test_the_roles_are_no_more_than_they_need_to_be(shared):
    rows = shared.sql("SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE "
                      "rolname IN ('signet_api', 'signet_broker') ORDER BY 1")
    assert rows == [["signet_api", *"fffff"], ["signet_broker", *"fffff"]]
