-- Grants of access keys, the audit trail, registration codes, and device certificates that can be paged deep.

-- What an access key may do. action: read, write or admin (each holds the one before), or the name of an action
-- (mq:SetSniConfig), also with a '*' at its end. mqtt_instance_id '*': every instance, and what belongs to the account.
CREATE TABLE access_grant (
    access_key_id    text NOT NULL REFERENCES access_key ON DELETE CASCADE ON UPDATE CASCADE,
    mqtt_instance_id text NOT NULL,
    action           text NOT NULL,
    PRIMARY KEY (access_key_id, mqtt_instance_id, action)
);
CREATE INDEX access_grant_instance ON access_grant (mqtt_instance_id);
-- Keys from before this migration could do everything.
INSERT INTO access_grant (access_key_id, mqtt_instance_id, action) SELECT access_key_id, '*', 'admin' FROM access_key;

ALTER TABLE access_key ADD COLUMN description text NOT NULL DEFAULT '', ADD COLUMN last_used_at timestamptz;
CREATE INDEX access_key_account ON access_key (account_id, created_at, access_key_id);
CREATE INDEX instance_account ON instance (account_id, mqtt_instance_id);

-- Whether clients may sign in to an instance with this access key: it is enabled, and has the action or a level of write.
CREATE FUNCTION access_key_may_connect(wanted_key text, wanted_instance text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM access_key k JOIN access_grant g USING (access_key_id)
        WHERE k.access_key_id = wanted_key AND k.enabled AND g.mqtt_instance_id IN ('*', wanted_instance)
        AND (g.action IN ('write', 'admin', 'mq:MqttInstanceAccess')
             OR (right(g.action, 1) = '*' AND starts_with('mq:MqttInstanceAccess', left(g.action, -1)))))
$$;
REVOKE ALL ON FUNCTION access_key_may_connect(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_key_may_connect(text, text) TO signet_broker;

-- Who changed what. before and after never hold a secret. Newest first within an account; pruned by count.
CREATE TABLE audit_event (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id       bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    action           text NOT NULL,
    access_key_id    text NOT NULL,
    source_ip        text NOT NULL,
    request_id       text NOT NULL,
    mqtt_instance_id text NOT NULL DEFAULT '', -- no foreign key: the trail outlives the instance
    resource         text NOT NULL,
    before           jsonb,
    after            jsonb
);
CREATE INDEX audit_event_account ON audit_event (account_id, id);
CREATE INDEX audit_event_instance ON audit_event (account_id, mqtt_instance_id, id);

-- A revision that changed no domains (a CA certificate, an access key, the mode) says in `summary` what it changed.
ALTER TABLE config_revision ADD COLUMN summary text NOT NULL DEFAULT '';

-- Handed out, then used once. A used one stays, so that it can be told from one that never was.
CREATE TABLE registration_code (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    code             text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    used_at          timestamptz,
    PRIMARY KEY (mqtt_instance_id, code)
);
CREATE INDEX registration_code_age ON registration_code (mqtt_instance_id, created_at);

-- sn is canonical: lower-case hex of the DER's content octets (api/serial.h). A removed CA stays as a mark for brokers,
-- without its devices.
CREATE INDEX ca_certificate_page ON ca_certificate (mqtt_instance_id, id) WHERE NOT removed;
CREATE INDEX ca_certificate_not_after ON ca_certificate (mqtt_instance_id, not_after) WHERE NOT removed;
CREATE INDEX ca_certificate_mark ON ca_certificate (mqtt_instance_id, revision) WHERE removed;

-- Device certificates: rows are those that are there; removed ones leave a row in device_removal for the brokers. Two dense
-- numbers, of the instance and of its CA, order them as they were registered; device_block counts the rows of each
-- thousand, so that page 10,000 is found without walking over 9,999.
DROP INDEX device_certificate_sn, device_certificate_revision, device_certificate_ca;
ALTER TABLE device_certificate
    DROP COLUMN removed,
    ADD COLUMN name       text NOT NULL,
    ADD COLUMN not_before timestamptz NOT NULL,
    ADD COLUMN not_after  timestamptz NOT NULL,
    ADD COLUMN ordinal    bigint NOT NULL,
    ADD COLUMN ca_ordinal bigint NOT NULL;
CREATE UNIQUE INDEX device_certificate_sn ON device_certificate (ca_id, sn);
CREATE UNIQUE INDEX device_certificate_ordinal ON device_certificate (mqtt_instance_id, ordinal);
CREATE UNIQUE INDEX device_certificate_ca_ordinal ON device_certificate (ca_id, ca_ordinal);
CREATE INDEX device_certificate_sha256 ON device_certificate (mqtt_instance_id, sha256);
CREATE INDEX device_certificate_revision ON device_certificate (mqtt_instance_id, revision) WHERE revision > 0;
CREATE INDEX device_certificate_inactive ON device_certificate (mqtt_instance_id) WHERE NOT active;
CREATE INDEX device_certificate_not_after ON device_certificate (mqtt_instance_id, not_after);

CREATE TABLE device_removal (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    revision         bigint NOT NULL,
    sha256           bytea NOT NULL,
    PRIMARY KEY (mqtt_instance_id, revision, sha256)
);

-- ca_id 0 is the whole instance.
CREATE TABLE device_counter (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    ca_id            bigint NOT NULL,
    last_ordinal     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (mqtt_instance_id, ca_id)
);
CREATE TABLE device_block (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    ca_id            bigint NOT NULL,
    block            bigint NOT NULL, -- ordinal / 1000
    live             bigint NOT NULL,
    PRIMARY KEY (mqtt_instance_id, ca_id, block)
);

-- Keeps device_block true whoever writes. Blocks are locked in one order.
CREATE FUNCTION device_block_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sign bigint := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    -- A deleted instance takes its blocks along.
    INSERT INTO device_block AS b (mqtt_instance_id, ca_id, block, live)
        SELECT c.mqtt_instance_id, c.ca_id, c.block, sign * c.n FROM (
            SELECT mqtt_instance_id, 0::bigint AS ca_id, ordinal / 1000 AS block, count(*) AS n FROM changed GROUP BY 1, 3
            UNION ALL
            SELECT mqtt_instance_id, ca_id, ca_ordinal / 1000, count(*) FROM changed GROUP BY 1, 2, 3) c
        WHERE EXISTS (SELECT FROM instance i WHERE i.mqtt_instance_id = c.mqtt_instance_id)
        ORDER BY 1, 2, 3
        ON CONFLICT (mqtt_instance_id, ca_id, block) DO UPDATE SET live = b.live + EXCLUDED.live;
    RETURN NULL;
END $$;
CREATE TRIGGER device_added AFTER INSERT ON device_certificate REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION device_block_count();
CREATE TRIGGER device_gone AFTER DELETE ON device_certificate REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION device_block_count();

-- Registers the devices of one CA: the one way in for a device certificate. Those that are there already stay as they are.
-- Answers with the state of each: 'registered', 'active', 'inactive', or 'taken' when the CA has another certificate with
-- this serial number. No row at all when the instance has no such active CA.
CREATE FUNCTION device_register(wanted_instance text, wanted_ca bigint, sns text[], digests bytea[], ders bytea[],
                                names text[], begins timestamptz[], ends timestamptz[])
RETURNS TABLE (device_sn text, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    added bigint;
    base bigint;
    ca_base bigint;
BEGIN
    -- Not with a deletion or deactivation of the CA under way.
    PERFORM FROM ca_certificate c WHERE c.id = wanted_ca AND c.mqtt_instance_id = wanted_instance AND c.active
        AND NOT c.removed FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- The counters are the lock: registrations of an instance come one after the other, and their numbers are dense.
    INSERT INTO device_counter AS n (mqtt_instance_id, ca_id) VALUES (wanted_instance, 0), (wanted_instance, wanted_ca)
        ON CONFLICT DO NOTHING;
    SELECT n.last_ordinal INTO base FROM device_counter n
        WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id = 0 FOR UPDATE;
    SELECT n.last_ordinal INTO ca_base FROM device_counter n
        WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id = wanted_ca FOR UPDATE;
    RETURN QUERY
        WITH given AS (SELECT DISTINCT ON (g.sn) g.* FROM unnest(sns, digests, ders, names, begins, ends) WITH ORDINALITY
                AS g(sn, sha256, der, name, not_before, not_after, n) ORDER BY g.sn, g.n),
            known AS (SELECT d.sn, d.sha256, d.active FROM device_certificate d JOIN given g ON g.sn = d.sn
                WHERE d.ca_id = wanted_ca),
            fresh AS (SELECT g.*, row_number() OVER (ORDER BY g.n) AS k FROM given g
                WHERE NOT EXISTS (SELECT FROM known WHERE known.sn = g.sn)),
            put AS (INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, not_before, not_after,
                    ordinal, ca_ordinal, revision)
                SELECT wanted_instance, wanted_ca, f.sn, f.sha256, f.der, f.name, f.not_before, f.not_after,
                    base + f.k, ca_base + f.k, 0 FROM fresh f ORDER BY f.k RETURNING sn)
        SELECT put.sn, 'registered' FROM put
        UNION ALL
        SELECT g.sn, CASE WHEN known.sha256 <> g.sha256 THEN 'taken' WHEN known.active THEN 'active' ELSE 'inactive' END
            FROM given g JOIN known ON known.sn = g.sn;
    SELECT greatest(coalesce(max(d.ordinal), base), base) - base INTO added FROM device_certificate d
        WHERE d.mqtt_instance_id = wanted_instance AND d.ordinal > base;
    UPDATE device_counter n SET last_ordinal = n.last_ordinal + added
        WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id IN (0, wanted_ca) AND added > 0;
END $$;
REVOKE ALL ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[])
    TO signet_broker;
REVOKE INSERT ON device_certificate FROM signet_broker;
GRANT SELECT ON device_removal TO signet_broker;
