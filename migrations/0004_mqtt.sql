-- MQTT: groups, parent topics, and the authentication modes Token, DeviceCredential and Custom.

-- Every row carries the instance's revision of its last change. Removed rows are gone; login_removal says so to brokers until
-- instance.marks_from passes its revision.
CREATE TABLE mqtt_group (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    group_id         text NOT NULL CHECK (length(group_id) BETWEEN 7 AND 64),
    tags             jsonb NOT NULL DEFAULT '{}', -- key: value
    revision         bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mqtt_instance_id, group_id)
);
CREATE INDEX mqtt_group_revision ON mqtt_group (mqtt_instance_id, revision);

CREATE TABLE parent_topic (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    topic            text NOT NULL CHECK (length(topic) BETWEEN 3 AND 64),
    revision         bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mqtt_instance_id, topic)
);
CREATE INDEX parent_topic_revision ON parent_topic (mqtt_instance_id, revision);
CREATE UNIQUE INDEX parent_topic_folded ON parent_topic (mqtt_instance_id, lower(topic)); -- letter case does not matter

-- What tokens of an instance are signed with (common/token.h), sealed. Made with the first ApplyToken.
CREATE TABLE token_key (
    mqtt_instance_id text PRIMARY KEY REFERENCES instance ON DELETE CASCADE,
    key_sealed       bytea NOT NULL,
    revision         bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- Tokens that were revoked before their end. Rows whose token has ended are forgotten, without a mark.
CREATE TABLE token_revocation (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    token_id         bytea NOT NULL CHECK (length(token_id) = 16),
    expires_at       timestamptz NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (mqtt_instance_id, token_id)
);
CREATE INDEX token_revocation_revision ON token_revocation (mqtt_instance_id, revision);
CREATE INDEX token_revocation_end ON token_revocation (expires_at);

CREATE TABLE device_credential (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    client_id        text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 64),
    access_key_id    text NOT NULL, -- DeviceAccessKeyId
    secret_sealed    bytea NOT NULL,
    revision         bigint NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mqtt_instance_id, client_id),
    UNIQUE (mqtt_instance_id, access_key_id)
);
CREATE INDEX device_credential_revision ON device_credential (mqtt_instance_id, revision);
CREATE INDEX device_credential_group ON device_credential (mqtt_instance_id, (split_part(client_id, '@@@', 1)) COLLATE "C", client_id COLLATE "C");

-- How many device_credential rows the instance has: a limit that need not count a million of them at each change.
ALTER TABLE instance ADD COLUMN device_credentials bigint NOT NULL DEFAULT 0 CHECK (device_credentials >= 0);

CREATE TABLE custom_identity (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    identity_type    smallint NOT NULL CHECK (identity_type IN (0, 1)), -- USER, CLIENT
    user_name        text NOT NULL CHECK (length(user_name) BETWEEN 1 AND 64),
    client_id        text NOT NULL DEFAULT '' CHECK ((identity_type = 1) = (client_id <> '')),
    sign_mode        smallint NOT NULL CHECK (sign_mode IN (0, 1)), -- ORIGIN, SIGNED
    secret_sealed    bytea NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (mqtt_instance_id, identity_type, user_name, client_id)
);
CREATE INDEX custom_identity_revision ON custom_identity (mqtt_instance_id, revision);

CREATE TABLE custom_permission (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    identity_type    smallint NOT NULL CHECK (identity_type IN (0, 1)),
    identity         text NOT NULL CHECK (length(identity) BETWEEN 1 AND 64), -- user name (USER) or client ID (CLIENT)
    topic            text NOT NULL,
    permit_action    smallint NOT NULL CHECK (permit_action IN (1, 2, 3)), -- PUB, SUB, PUB_SUB
    allow            boolean NOT NULL,
    revision         bigint NOT NULL,
    PRIMARY KEY (mqtt_instance_id, identity_type, identity, topic)
);
CREATE INDEX custom_permission_revision ON custom_permission (mqtt_instance_id, revision);

CREATE TABLE connect_black (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    client_id        text NOT NULL CHECK (length(client_id) BETWEEN 1 AND 64),
    revision         bigint NOT NULL,
    PRIMARY KEY (mqtt_instance_id, client_id)
);
CREATE INDEX connect_black_revision ON connect_black (mqtt_instance_id, revision);

-- kind: the table's name; key: its primary key without the instance, columns in their order, joined by U+001F.
CREATE TABLE login_removal (
    mqtt_instance_id text NOT NULL REFERENCES instance ON DELETE CASCADE,
    revision         bigint NOT NULL,
    kind             text NOT NULL,
    key              text NOT NULL,
    PRIMARY KEY (mqtt_instance_id, revision, kind, key)
);

GRANT SELECT ON mqtt_group, parent_topic, token_key, token_revocation, device_credential, custom_identity, custom_permission,
    connect_black, login_removal TO signet_broker;

-- What an access key lets clients of an instance do: 1 to sign in with it, 2 to sign in with the tokens that it has applied for.
-- A token goes with the right of its key to apply for it.
CREATE FUNCTION access_key_uses(wanted_key text, wanted_instance text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT access_key_may_connect(wanted_key, wanted_instance)::integer
        + 2 * EXISTS (SELECT FROM access_key k JOIN access_grant g USING (access_key_id)
            WHERE k.access_key_id = wanted_key AND k.enabled AND g.mqtt_instance_id IN ('*', wanted_instance)
            AND (g.action IN ('write', 'admin', 'mq:ApplyToken')
                 OR (right(g.action, 1) = '*' AND starts_with('mq:ApplyToken', left(g.action, -1)))))::integer
$$;
REVOKE ALL ON FUNCTION access_key_uses(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access_key_uses(text, text) TO signet_broker;
