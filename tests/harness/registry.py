"""CA and device certificates as rows, for tests of what is done with many of them."""


def add_ca(stack, sn, *, instance=None, name=None, days="30", active=True, removed=False):
    """ID of a new CA certificate; `days`: SQL, from now to its end."""
    rows = stack.sql(
        "INSERT INTO ca_certificate (mqtt_instance_id, sn, name, der, sha256, verification_der, registration_code, active, "
        f"removed, not_before, not_after, revision) VALUES ('{instance or stack.instance}', '{sn}', '{name or 'ca ' + sn}', "
        f"'\\x00', sha256('{sn}'), '\\x00', 'code', {active}, {removed}, now(), now() + ({days}) * interval '1 day', 1) "
        "RETURNING id")
    return int(rows[0][0])


def add_devices(stack, ca_id, count, *, days="30", active="true"):
    """`count` device certificates with the serial numbers d1, d2, … of the CA; `days` and `active` may use their number g."""
    stack.sql(
        "INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, not_before, not_after, ordinal, "
        f"ca_ordinal, revision, active) SELECT c.mqtt_instance_id, c.id, 'd' || g, sha256((c.id || '/' || g)::bytea), '\\x00', "
        f"'device ' || g, now(), now() + ({days}) * interval '1 day', g + (SELECT coalesce(max(ordinal), 0) FROM "
        "device_certificate WHERE mqtt_instance_id = c.mqtt_instance_id), g + (SELECT coalesce(max(ca_ordinal), 0) FROM "
        f"device_certificate WHERE ca_id = c.id), 0, {active} FROM ca_certificate c, generate_series(1, {count}) g "
        f"WHERE c.id = {ca_id}")
