# shellcheck shell=bash
# postgres: a private PostgreSQL in a folder: UNIX socket only, peer authentication, no password anywhere. Needs
# base.sh and service_user.sh (service_user_open has run).
#
# Only the service user, root, and nobody else may be one of the three roles: signet_owner (superuser), signet_api,
# signet_broker. Neither statements nor their parameters reach the log.
PG_BIN=/usr/lib/postgresql/15/bin
PG_OWNER=signet_owner

postgres_start() { # DIR SOCKET_DIR LOG: DIR and SOCKET_DIR are the service user's, 0700
        [ -x "$PG_BIN/postgres" ] || die "PostgreSQL 15 is not installed (scripts/install-packages run-local)"
        [ -d "$1/data" ] || postgres_create "$1"
        postgres_configure "$1/data" "$2"
        if postgres_running "$1"; then
                postgres_answers "$2" && return
                step "PostgreSQL does not answer in $2; restarting it"
                postgres_stop "$1"
        fi
        postgres_launch "$1" "$3"
        postgres_answers "$2" || die "PostgreSQL does not answer in $2; see $3"
}

# Into a folder beside, renamed when complete: an interrupted initdb leaves nothing half.
postgres_create() { # DIR
        local output
        as_service rm -rf -- "$1/new"
        if ! output=$(as_service "$PG_BIN/initdb" -D "$1/new" --username="$PG_OWNER" --encoding=UTF8 \
                --locale=C.UTF-8 --data-checksums --auth-local=peer --auth-host=reject 2>&1); then
                printf '%s\n' "$output" >&2
                die "initdb failed"
        fi
        as_service mv -T -- "$1/new" "$1/data"
}

postgres_configure() { # DATA SOCKET_DIR
        postgres_settings "$2" | as_service tee "$1/postgresql.conf" >/dev/null
        printf 'local all all peer map=signet\n' | as_service tee "$1/pg_hba.conf" >/dev/null
        postgres_identities | as_service tee "$1/pg_ident.conf" >/dev/null
}

postgres_settings() { # SOCKET_DIR
        cat <<CONF
# Written by scripts/lib/postgres.sh at every start; changes here are lost.
listen_addresses = ''
unix_socket_directories = '$1'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
ssl = off
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_statement = none
log_min_duration_statement = -1
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
CONF
}

postgres_identities() {
        local user role
        for user in root "$SERVICE_USER"; do
                for role in "$PG_OWNER" signet_api signet_broker; do
                        printf 'signet "%s" %s\n' "$user" "$role"
                done
        done | sort -u
}

postgres_running() { # DIR
        [ -d "$1/data" ] && as_service "$PG_BIN/pg_ctl" -D "$1/data" -s status >/dev/null 2>&1
}

postgres_answers() { # SOCKET_DIR
        [ "$(postgres_query "$1" postgres 'SELECT 1' 2>/dev/null)" = 1 ]
}

# After a kill -9 the old backends may hold the shared memory for a moment more, hence several tries.
postgres_launch() { # DIR LOG
        local try
        for try in 1 2 3 4 5; do
                if as_service "$PG_BIN/pg_ctl" -D "$1/data" -w -t 60 -s start </dev/null >>"$2" 2>&1 9>&-; then
                        return
                fi
                sleep "$try"
        done
        tail -n 20 -- "$2" >&2
        die "PostgreSQL does not start; see $2"
}

postgres_stop() { # DIR
        local mode
        for mode in fast immediate; do
                postgres_running "$1" || return 0
                as_service "$PG_BIN/pg_ctl" -D "$1/data" -s -w -t 30 -m "$mode" stop >/dev/null 2>&1 || true
        done
        if postgres_running "$1"; then
                as_service "$PG_BIN/pg_ctl" kill KILL "$(as_service head -n 1 "$1/data/postmaster.pid")"
        fi
}

postgres_query() { # SOCKET_DIR DATABASE SQL: prints the rows, unaligned
        as_service env PGCONNECT_TIMEOUT=10 "$PG_BIN/psql" -XqAt -v ON_ERROR_STOP=1 \
                -d "host=$1 dbname=$2 user=$PG_OWNER" -c "$3"
}

postgres_run_file() { # SOCKET_DIR DATABASE FILE
        as_service env PGCONNECT_TIMEOUT=10 PGOPTIONS='-c client_min_messages=warning' "$PG_BIN/psql" -Xq \
                -v ON_ERROR_STOP=1 -d "host=$1 dbname=$2 user=$PG_OWNER" -f - <"$3"
}

# Both roles, and the database that the API's role owns.
postgres_prepare_database() { # SOCKET_DIR DATABASE
        postgres_run_file "$1" postgres "$SIGNET_ROOT/scripts/roles.sql"
        if [ -z "$(postgres_query "$1" postgres "SELECT 1 FROM pg_database WHERE datname = '$2'")" ]; then
                postgres_query "$1" postgres "CREATE DATABASE \"$2\" OWNER signet_api"
        fi
}
