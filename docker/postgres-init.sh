#!/usr/bin/env bash
# Run once by the postgres image when its data directory is new: both roles with the passwords of the secrets, and the
# database that the API's role owns. Passwords go to psql as variables on standard input, never on a command line.
set -euo pipefail

psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d postgres -f /signet/roles.sql
{
        printf "\\\\set api_password '%s'\n" "$(cat /run/secrets/api_password)"
        printf "\\\\set broker_password '%s'\n" "$(cat /run/secrets/broker_password)"
        cat <<'SQL'
ALTER ROLE signet_api PASSWORD :'api_password';
ALTER ROLE signet_broker PASSWORD :'broker_password';
CREATE DATABASE signet OWNER signet_api;
SQL
} | psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" -d postgres
