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
CREATE INDEX audit_event_action ON audit_event (account_id, action, id);
CREATE INDEX audit_event_access_key ON audit_event (account_id, access_key_id, id);
CREATE INDEX audit_event_time ON audit_event (account_id, created_at);

-- A revision that changed no domains (a CA certificate, an access key, the mode) says in `summary` what it changed.
-- The counts save a list from looking at 100,000 changes of a revision.
ALTER TABLE config_revision
    ADD COLUMN summary         text NOT NULL DEFAULT '',
    ADD COLUMN domains_added   bigint NOT NULL DEFAULT 0,
    ADD COLUMN domains_removed bigint NOT NULL DEFAULT 0,
    ADD COLUMN domains_changed bigint NOT NULL DEFAULT 0,
    ADD COLUMN changes_config  boolean NOT NULL DEFAULT true; -- domains or the default certificate: kept for rollbacks
CREATE INDEX config_revision_config ON config_revision (mqtt_instance_id, revision) WHERE changes_config;
CREATE INDEX config_revision_other ON config_revision (mqtt_instance_id, revision) WHERE NOT changes_config;
UPDATE config_revision r SET domains_added = c.added, domains_removed = c.removed, domains_changed = c.total - c.added - c.removed
    FROM (SELECT mqtt_instance_id, revision, count(*) AS total, count(*) FILTER (WHERE before_certificate_id IS NULL) AS added,
            count(*) FILTER (WHERE after_certificate_id IS NULL) AS removed FROM config_change GROUP BY 1, 2) c
    WHERE r.mqtt_instance_id = c.mqtt_instance_id AND r.revision = c.revision;

-- Handed out, then used once. A used one stays, so that it can be told from one that never was. ordinal is dense within
-- an instance: the oldest are found without counting.
CREATE TABLE registration_code (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    code             text NOT NULL,
    ordinal          bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    used_at          timestamptz,
    PRIMARY KEY (mqtt_instance_id, code)
);
CREATE UNIQUE INDEX registration_code_ordinal ON registration_code (mqtt_instance_id, ordinal);

-- sn is canonical: lower-case hex of the DER's content octets (api/serial.h). A removed CA stays as a mark for brokers,
-- without its devices.
DROP INDEX ca_certificate_sn;
CREATE UNIQUE INDEX ca_certificate_sn ON ca_certificate (sn, mqtt_instance_id) WHERE NOT removed; -- on any instance, too
CREATE INDEX ca_certificate_page ON ca_certificate (mqtt_instance_id, id) WHERE NOT removed;
CREATE INDEX ca_certificate_not_after ON ca_certificate (mqtt_instance_id, not_after, id) WHERE NOT removed;
CREATE INDEX ca_certificate_mark ON ca_certificate (mqtt_instance_id, revision) WHERE removed;

-- Device certificates: rows are those that are there; removed ones leave a row in device_removal for the brokers. Two dense
-- numbers, of the instance and of its CA, order them as they were registered; device_block counts the rows of each
-- hundred and each ten thousand numbers, so that page 10,000 is found without walking over 9,999.
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
CREATE INDEX device_certificate_revision ON device_certificate (mqtt_instance_id, revision) WHERE revision > 0;
CREATE INDEX device_certificate_inactive ON device_certificate (mqtt_instance_id) WHERE NOT active;
CREATE INDEX device_certificate_not_after ON device_certificate (mqtt_instance_id, not_after, id);

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
    span             integer NOT NULL CHECK (span IN (100, 10000)),
    block            bigint NOT NULL, -- ordinal / span
    live             integer NOT NULL,
    PRIMARY KEY (mqtt_instance_id, ca_id, span, block)
);

-- Keeps device_block true whoever writes. Blocks are locked in one order; empty ones go.
CREATE FUNCTION device_block_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    empty tid[];
BEGIN
    -- A million devices of an instance that is deleted need not be counted: its blocks go with it (api/store_instance_change.c).
    IF TG_OP = 'DELETE' AND current_setting('signet.instance_goes', true) = 'yes' THEN
        RETURN NULL;
    END IF;
    WITH hundred AS MATERIALIZED (
            SELECT mqtt_instance_id, 0::bigint AS ca_id, ordinal / 100 AS block, count(*) AS n FROM changed GROUP BY 1, 3
            UNION ALL
            SELECT mqtt_instance_id, ca_id, ca_ordinal / 100, count(*) FROM changed GROUP BY 1, 2, 3),
        counted AS (
            INSERT INTO device_block AS b (mqtt_instance_id, ca_id, span, block, live)
            SELECT c.mqtt_instance_id, c.ca_id, c.span, c.block, sign * c.n FROM (
                SELECT mqtt_instance_id, ca_id, 100 AS span, block, n FROM hundred
                UNION ALL
                SELECT mqtt_instance_id, ca_id, 10000, block / 100, sum(n) FROM hundred GROUP BY 1, 2, 4) c
            -- A deleted instance takes its blocks along.
            WHERE EXISTS (SELECT FROM instance i WHERE i.mqtt_instance_id = c.mqtt_instance_id)
            ORDER BY 1, 2, 3, 4
            ON CONFLICT (mqtt_instance_id, ca_id, span, block) DO UPDATE SET live = b.live + EXCLUDED.live
            RETURNING b.ctid, b.live)
        SELECT array_agg(counted.ctid) INTO empty FROM counted WHERE counted.live = 0;
    DELETE FROM device_block b WHERE b.ctid = ANY (empty);
    RETURN NULL;
END $$;
CREATE TRIGGER device_added AFTER INSERT ON device_certificate REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION device_block_count();
CREATE TRIGGER device_gone AFTER DELETE ON device_certificate REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION device_block_count();

-- Where a page begins that has `before` rows before it: skip rows from number `start` on. ca_id 0: of the whole instance.
-- stop is behind the last row. start is NULL when there is no such page.
CREATE FUNCTION device_page(wanted_instance text, wanted_ca bigint, before bigint,
                            OUT total bigint, OUT start bigint, OUT skip bigint, OUT stop bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    far bigint;
    passed bigint;
BEGIN
    SELECT coalesce(sum(b.live), 0), (max(b.block) + 1) * 10000, max(b.block) FILTER (WHERE b.behind <= before),
            max(b.behind) FILTER (WHERE b.behind <= before)
        INTO total, stop, far, passed
        FROM (SELECT d.block, d.live, sum(d.live) OVER (ORDER BY d.block) - d.live AS behind FROM device_block d
            WHERE d.mqtt_instance_id = wanted_instance AND d.ca_id = wanted_ca AND d.span = 10000) b;
    IF before < total THEN
        SELECT max(b.block) * 100, before - passed - max(b.behind) INTO start, skip
            FROM (SELECT d.block, sum(d.live) OVER (ORDER BY d.block) - d.live AS behind FROM device_block d
                WHERE d.mqtt_instance_id = wanted_instance AND d.ca_id = wanted_ca AND d.span = 100
                    AND d.block BETWEEN far * 100 AND far * 100 + 99) b
            WHERE b.behind <= before - passed;
    END IF;
END $$;
REVOKE ALL ON FUNCTION device_page(text, bigint, bigint) FROM PUBLIC;

-- Registrations of an instance come one after the other, so their numbers are dense. Whoever deletes its devices in more
-- than one statement queues too, after the instance's row and before the CA's: the blocks that he locks are in no order.
CREATE FUNCTION device_queue(wanted_instance text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('device_register/' || wanted_instance, 0))
$$;
REVOKE ALL ON FUNCTION device_queue(text) FROM PUBLIC;

-- Registers devices of one CA: the one way in for a device certificate. Those that are there already stay as they are.
-- Answers with a row for each element, in their order: 'registered', 'active', 'inactive', or 'taken' when the CA has
-- another certificate with this serial number. No row at all when the instance has no such active CA.
-- One call is one transaction: with two in one, a deletion of the second CA in between would be a deadlock.
CREATE FUNCTION device_register(wanted_instance text, wanted_ca bigint, sns text[], digests bytea[], ders bytea[],
                                names text[], begins timestamptz[], ends timestamptz[])
RETURNS TABLE (place bigint, device_sn text, state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    base bigint;
    ca_base bigint;
BEGIN
    -- They queue here and not at a row: those that wait would share the locks below without a pause, and the CA could not
    -- be made inactive.
    PERFORM device_queue(wanted_instance);
    -- Not with a deletion or deactivation under way; instance before CA, as all do.
    PERFORM FROM instance i WHERE i.mqtt_instance_id = wanted_instance FOR KEY SHARE;
    PERFORM FROM ca_certificate c WHERE c.id = wanted_ca AND c.mqtt_instance_id = wanted_instance AND c.active
        AND NOT c.removed FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO device_counter (mqtt_instance_id, ca_id) VALUES (wanted_instance, 0), (wanted_instance, wanted_ca)
        ON CONFLICT DO NOTHING;
    SELECT n.last_ordinal INTO base FROM device_counter n WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id = 0;
    SELECT n.last_ordinal INTO ca_base FROM device_counter n
        WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id = wanted_ca;
    RETURN QUERY
        WITH given AS MATERIALIZED (
                SELECT g.*, d.sha256 AS known, d.active, first_value(g.sha256) OVER same AS first,
                    row_number() OVER same AS nth
                FROM unnest(sns, digests, ders, names, begins, ends) WITH ORDINALITY
                    AS g(sn, sha256, der, name, not_before, not_after, n)
                LEFT JOIN LATERAL (SELECT * FROM device_certificate c WHERE c.ca_id = wanted_ca AND c.sn = g.sn LIMIT 1) d ON true
                WINDOW same AS (PARTITION BY g.sn ORDER BY g.n)),
            put AS (
                INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, not_before, not_after,
                    ordinal, ca_ordinal, revision)
                SELECT wanted_instance, wanted_ca, f.sn, f.sha256, f.der, f.name, f.not_before, f.not_after,
                    base + f.k, ca_base + f.k, 0
                FROM (SELECT g.*, row_number() OVER (ORDER BY g.n) AS k FROM given g WHERE g.known IS NULL AND g.nth = 1) f
                ORDER BY f.k RETURNING 1),
            counted AS (
                UPDATE device_counter n SET last_ordinal = n.last_ordinal + p.added FROM (SELECT count(*) AS added FROM put) p
                WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id IN (0, wanted_ca) AND p.added > 0)
        SELECT g.n, g.sn, CASE WHEN coalesce(g.known, g.first) <> g.sha256 THEN 'taken' WHEN g.known IS NULL THEN 'registered'
            WHEN g.active THEN 'active' ELSE 'inactive' END
        FROM given g ORDER BY g.n;
END $$;
REVOKE ALL ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[])
    TO signet_broker;
REVOKE INSERT ON device_certificate FROM signet_broker;
GRANT SELECT ON device_removal TO signet_broker;
-- So that one that was deleted and made anew is not taken for the same.
GRANT SELECT (created_at) ON instance TO signet_broker;
