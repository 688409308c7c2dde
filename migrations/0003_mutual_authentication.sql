-- Mutual authentication: devices found by their certificate, revocation lists, ticket keys, OCSP responses.

-- In the mode mutual, user name and password besides the certificate.
ALTER TABLE instance ADD COLUMN login_required boolean NOT NULL DEFAULT false;
GRANT SELECT (login_required) ON instance TO signet_broker;

-- A device is its certificate, whichever CA it is registered under.
CREATE INDEX device_certificate_sha256 ON device_certificate (mqtt_instance_id, sha256);

-- The newest revocation list of a CA. Whoever changes it gives the CA's row the revision: brokers read both together.
CREATE TABLE ca_crl (
    ca_id       bigint PRIMARY KEY REFERENCES ca_certificate ON DELETE CASCADE,
    der         bytea NOT NULL,
    crl_number  text NOT NULL DEFAULT '', -- hex; '': the list has none
    this_update timestamptz NOT NULL,
    next_update timestamptz,
    entries     bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON ca_crl TO signet_broker;

-- Keys of session tickets, sealed (common/model.h); the brokers of an instance share them.
CREATE TABLE ticket_key (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    name             bytea NOT NULL CHECK (length(name) = 16),
    key_sealed       bytea NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mqtt_instance_id, name)
);
GRANT SELECT ON ticket_key TO signet_broker;
-- Adds a key when the newest is at least rotate_s old, and forgets those older than keep_s. True: it was added.
CREATE FUNCTION ticket_key_add(wanted_instance text, wanted_name bytea, sealed bytea, rotate_s bigint, keep_s bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ticket_key/' || wanted_instance, 0));
    IF EXISTS (SELECT FROM ticket_key k WHERE k.mqtt_instance_id = wanted_instance
            AND k.created_at > clock_timestamp() - make_interval(secs => rotate_s)) THEN
        RETURN false;
    END IF;
    DELETE FROM ticket_key k WHERE k.mqtt_instance_id = wanted_instance AND k.created_at < clock_timestamp() - make_interval(secs => keep_s);
    INSERT INTO ticket_key (mqtt_instance_id, name, key_sealed, created_at)
        SELECT i.mqtt_instance_id, wanted_name, sealed, clock_timestamp() FROM instance i WHERE i.mqtt_instance_id = wanted_instance;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION ticket_key_add(text, bytea, bytea, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ticket_key_add(text, bytea, bytea, bigint, bigint) TO signet_broker;

-- OCSP responses for server certificates whose issuer has a responder, fetched by the API.
CREATE TABLE ocsp_response (
    certificate_id bigint PRIMARY KEY REFERENCES server_certificate ON DELETE CASCADE,
    response       bytea, -- NULL: none yet, or the last one has ended
    this_update    timestamptz,
    next_update    timestamptz,
    fetched_at     timestamptz,
    try_at         timestamptz NOT NULL DEFAULT now(),
    failures       integer NOT NULL DEFAULT 0,
    error          text NOT NULL DEFAULT ''
);
CREATE INDEX ocsp_response_try ON ocsp_response (try_at);
-- Certificates that may name a responder (the DER of id-ad-ocsp is in them) and came with their issuer.
CREATE INDEX server_certificate_responder ON server_certificate (id)
    WHERE position('\x06082b06010505073001'::bytea IN leaf_der) > 0 AND cardinality(chain_der) > 0;
CREATE INDEX ocsp_response_fetched ON ocsp_response (fetched_at); -- brokers ask for what is new
GRANT SELECT (certificate_id, response, next_update, fetched_at) ON ocsp_response TO signet_broker;
GRANT SELECT (not_after) ON server_certificate TO signet_broker;
GRANT SELECT (mqtt_instance_id, certificate_id) ON sni_certificate TO signet_broker;

-- As before, but a certificate is looked for in the whole instance first: the same key and subject may be registered as a CA
-- twice, and a device that is inactive under one of them must not come in under the other. ca says under which CA the device
-- is registered.
DROP FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[]);
CREATE FUNCTION device_register(wanted_instance text, wanted_ca bigint, sns text[], digests bytea[], ders bytea[],
                                names text[], begins timestamptz[], ends timestamptz[])
RETURNS TABLE (place bigint, device_sn text, state text, ca bigint)
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
                SELECT g.*, e.ca_id AS own_ca, e.active AS own_active, d.sha256 AS known,
                    first_value(g.sha256) OVER same AS first, row_number() OVER same AS nth
                FROM unnest(sns, digests, ders, names, begins, ends) WITH ORDINALITY
                    AS g(sn, sha256, der, name, not_before, not_after, n)
                LEFT JOIN LATERAL (SELECT * FROM device_certificate c WHERE c.mqtt_instance_id = wanted_instance
                    AND c.sha256 = g.sha256 ORDER BY c.active, c.id LIMIT 1) e ON true
                LEFT JOIN LATERAL (SELECT * FROM device_certificate c WHERE c.ca_id = wanted_ca AND c.sn = g.sn LIMIT 1) d ON true
                WINDOW same AS (PARTITION BY g.sn ORDER BY g.n)),
            put AS (
                INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, not_before, not_after,
                    ordinal, ca_ordinal, revision)
                SELECT wanted_instance, wanted_ca, f.sn, f.sha256, f.der, f.name, f.not_before, f.not_after,
                    base + f.k, ca_base + f.k, 0
                FROM (SELECT g.*, row_number() OVER (ORDER BY g.n) AS k FROM given g
                    WHERE g.own_ca IS NULL AND g.known IS NULL AND g.nth = 1) f
                ORDER BY f.k RETURNING 1),
            counted AS (
                UPDATE device_counter n SET last_ordinal = n.last_ordinal + p.added FROM (SELECT count(*) AS added FROM put) p
                WHERE n.mqtt_instance_id = wanted_instance AND n.ca_id IN (0, wanted_ca) AND p.added > 0)
        SELECT g.n, g.sn, CASE WHEN g.own_ca IS NOT NULL THEN CASE WHEN g.own_active THEN 'active' ELSE 'inactive' END
            WHEN coalesce(g.known, g.first) <> g.sha256 THEN 'taken' ELSE 'registered' END, coalesce(g.own_ca, wanted_ca)
        FROM given g ORDER BY g.n;
END $$;
REVOKE ALL ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_register(text, bigint, text[], bytea[], bytea[], text[], timestamptz[], timestamptz[])
    TO signet_broker;

-- When devices were last seen. Not in the devices' own rows: a change of one would be a new row for each of its indexes, and
-- a fleet that connects changes all of them. No foreign key, which would be asked for each: a trigger takes the rows away.
ALTER TABLE device_certificate DROP COLUMN last_seen_at;
CREATE TABLE device_last_seen (
    device_id bigint PRIMARY KEY, -- device_certificate.id
    seen_at   timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE FUNCTION device_forget_seen() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM device_last_seen s USING changed c WHERE s.device_id = c.id;
    RETURN NULL;
END $$;
CREATE TRIGGER device_seen_gone AFTER DELETE ON device_certificate REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION device_forget_seen();

-- An older time never replaces a newer one. Queues as registrations do: a deletion of many devices locks these rows in no
-- order.
CREATE FUNCTION device_seen(wanted_instance text, digests bytea[], seen timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM device_queue(wanted_instance);
    INSERT INTO device_last_seen AS l (device_id, seen_at)
        SELECT d.id, max(s.at) FROM unnest(digests, seen) AS s(sha256, at)
            JOIN device_certificate d ON d.mqtt_instance_id = wanted_instance AND d.sha256 = s.sha256
            GROUP BY d.id
        ON CONFLICT (device_id) DO UPDATE SET seen_at = EXCLUDED.seen_at WHERE l.seen_at < EXCLUDED.seen_at;
END $$;
REVOKE ALL ON FUNCTION device_seen(text, bytea[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION device_seen(text, bytea[], timestamptz[]) TO signet_broker;
