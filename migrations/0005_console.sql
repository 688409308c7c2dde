-- Sessions of the console. The token itself is in the browser only: here are its digest, to find the session by, and its
-- HMAC under the access key's secret, so that a session is good as long as that secret is.
CREATE TABLE console_session (
    token_sha256  bytea PRIMARY KEY CHECK (length(token_sha256) = 32),
    token_hmac    bytea NOT NULL CHECK (length(token_hmac) = 32),
    access_key_id text NOT NULL REFERENCES access_key ON DELETE CASCADE ON UPDATE CASCADE,
    source_ip     text NOT NULL, -- of the sign-in
    created_at    timestamptz NOT NULL DEFAULT now(),
    used_at       timestamptz NOT NULL DEFAULT now() -- a minute late at most
);
CREATE INDEX console_session_access_key ON console_session (access_key_id, created_at);
CREATE INDEX console_session_created ON console_session (created_at);
CREATE INDEX console_session_used ON console_session (used_at);

-- A key that is disabled, or gets another secret, has no session left, whoever changes it; and none comes back when it is
-- enabled again.
CREATE FUNCTION console_session_end() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM console_session WHERE access_key_id = NEW.access_key_id;
    RETURN NULL;
END $$;
CREATE TRIGGER access_key_changed AFTER UPDATE OF enabled, secret_sealed, account_id ON access_key FOR EACH ROW
    WHEN (NOT NEW.enabled OR OLD.secret_sealed <> NEW.secret_sealed OR OLD.account_id <> NEW.account_id)
    EXECUTE FUNCTION console_session_end();
