-- The two database roles. Run once by a superuser before `signet-api --migrate`; safe to run again.
-- Passwords, where the server wants them, are set by whoever runs it (ALTER ROLE … PASSWORD).
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signet_api') THEN
        CREATE ROLE signet_api LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signet_broker') THEN
        CREATE ROLE signet_broker LOGIN;
    END IF;
END
$$;
