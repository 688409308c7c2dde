# shellcheck shell=bash
# up: the steps of scripts/up, in order. Needs base.sh, service_user.sh, packages.sh, build.sh, node.sh, console.sh, home.sh, postgres.sh,
# daemon.sh, ports.sh, pki.sh and demo.sh.
READY_SECONDS=30

# The settings that the programs read, absolute and exported: what `up` decides here, both programs and signetctl see.
up_settings() {
        export SIGNET_API_LISTEN=${SIGNET_API_LISTEN-127.0.0.1:8080}
        export SIGNET_MQTTS_LISTEN=${SIGNET_MQTTS_LISTEN-0.0.0.0:8883}
        export SIGNET_MQTT_LISTEN=${SIGNET_MQTT_LISTEN-127.0.0.1:1883}
        export SIGNET_WS_LISTEN=${SIGNET_WS_LISTEN-127.0.0.1:8083}
        export SIGNET_WSS_LISTEN=${SIGNET_WSS_LISTEN-}
        export SIGNET_METRICS_LISTEN=${SIGNET_METRICS_LISTEN-127.0.0.1:9883}
        export SIGNET_INSTANCE=${SIGNET_INSTANCE:-mqtt-cn-signet00001}
        local variable
        for variable in SIGNET_API_TLS_CERT SIGNET_API_TLS_KEY SIGNET_MASTER_KEY_FILE; do
                [ -z "${!variable:-}" ] || export "$variable=$(absolute_path "${!variable}")"
        done
        [[ $SIGNET_INSTANCE =~ ^[A-Za-z0-9_-]{1,64}$ ]] || die "SIGNET_INSTANCE is no instance ID"
        SCHEME=http
        [ -z "${SIGNET_API_TLS_CERT:-}" ] || SCHEME=https
        export SIGNET_ENDPOINT=${SIGNET_ENDPOINT:-$SCHEME://$(port_local "$SIGNET_API_LISTEN")}
}

up_home() {
        home_prepare "${SIGNET_HOME:-$SIGNET_ROOT/.signet}" "$SIGNET_INSTANCE"
        exec 9>"$HOME_DIR/.lock"
        flock -n 9 || die "another scripts/up or scripts/down is at work in $HOME_DIR"
        export SIGNET_HOME=$HOME_DIR SIGNET_RUN_DIR=$RUN_DIR
        export SIGNET_STORE_DIR=${SIGNET_STORE_DIR:-$MQTT_DIR/$SIGNET_INSTANCE}
        export SIGNET_MASTER_KEY_FILE=${SIGNET_MASTER_KEY_FILE:-$HOME_DIR/master.key}
        ! is_root || export SIGNET_USER=$SERVICE_USER
}

# Before anything is started. Where our own daemons listen already is no conflict.
up_check_ports() {
        local name own=""
        for name in signet-api signet-broker; do
                ! daemon_pid "$name" >/dev/null || own+=" $(daemon_recorded "$name" listen)"
        done
        ports_require_free "$own" "$SIGNET_API_LISTEN" "$SIGNET_MQTTS_LISTEN" "$SIGNET_MQTT_LISTEN" \
                "$SIGNET_WS_LISTEN" "$SIGNET_WSS_LISTEN" "$SIGNET_METRICS_LISTEN"
}

up_build() { # sets PROGRAMS
        PROGRAMS=${SIGNET_PROGRAMS:-$(build_preset release)}
}

# Where a user says, even nowhere, else as console/ has it. Only the API is told.
up_console() { # sets CONSOLE_DIR
        if [ -n "${SIGNET_CONSOLE_DIR+set}" ]; then
                CONSOLE_DIR=${SIGNET_CONSOLE_DIR:+$(absolute_path "$SIGNET_CONSOLE_DIR")}
        elif ! CONSOLE_DIR=$(console_build); then
                CONSOLE_DIR=
                warn "the console is not built (see above); Signet runs without it, and scripts/up tries again when it is next run"
        fi
        unset SIGNET_CONSOLE_DIR
        [ -z "$CONSOLE_DIR" ] || up_console_readable
}

# The API reads it as the service user, who cannot get at a clone under root's own folder: then it gets a copy.
up_console_readable() {
        local copy
        ! as_service test -r "$CONSOLE_DIR/index.html" || return 0
        [ -r "$CONSOLE_DIR/index.html" ] || die "SIGNET_CONSOLE_DIR ($CONSOLE_DIR) has no console in it"
        copy=$(home_prepare_data console "$(home_hash)-console")
        if ! cmp -s -- "$CONSOLE_DIR/index.html" "$copy/index.html"; then
                step "copying the console to $copy"
                as_service find "$copy" -mindepth 1 -delete
                tar -C "$CONSOLE_DIR" -cf - . | as_service tar -C "$copy" --no-same-permissions --no-same-owner -xf -
        fi
        CONSOLE_DIR=$copy
}

up_master_key() {
        [ -s "$SIGNET_MASTER_KEY_FILE" ] && return
        [ ! -d "$PG_DIR/data" ] || die "$SIGNET_MASTER_KEY_FILE is missing, but there is data sealed with it; put it back"
        step "making the master key"
        random_hex >"$SIGNET_MASTER_KEY_FILE.new"
        mv -- "$SIGNET_MASTER_KEY_FILE.new" "$SIGNET_MASTER_KEY_FILE"
}

random_hex() { # 32 bytes
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
        printf '\n'
}

random_alphanumerics() { # COUNT
        local text=""
        while [ "${#text}" -lt "$1" ]; do
                text+=$(head -c 64 /dev/urandom | base64 -w 0 | tr -dc 'A-Za-z0-9')
        done
        printf '%s\n' "${text:0:$1}"
}

# The private cluster, unless SIGNET_DATABASE_URL names another; the broker's role has an URL of its own.
up_database() { # sets API_DATABASE and BROKER_DATABASE
        if [ -n "${SIGNET_DATABASE_URL:-}" ]; then
                API_DATABASE=$SIGNET_DATABASE_URL
                BROKER_DATABASE=${SIGNET_BROKER_DATABASE_URL:-$SIGNET_DATABASE_URL}
        else
                postgres_running "$PG_DIR" || step "starting PostgreSQL"
                postgres_start "$PG_DIR" "$RUN_DIR" "$LOG_DIR/postgres.log"
                postgres_prepare_database "$RUN_DIR" signet
                API_DATABASE="host=$RUN_DIR dbname=signet user=signet_api"
                BROKER_DATABASE="host=$RUN_DIR dbname=signet user=signet_broker"
        fi
        SIGNET_DATABASE_URL=$API_DATABASE "$PROGRAMS/signet-api" --migrate >>"$LOG_DIR/migrate.log" 2>&1 9>&- ||
                { tail -n 20 -- "$LOG_DIR/migrate.log" >&2 && die "the migrations failed; see $LOG_DIR/migrate.log"; }
}

up_api() {
        SIGNET_DATABASE_URL=$API_DATABASE SIGNET_CONSOLE_DIR=$CONSOLE_DIR daemon_start signet-api "$PROGRAMS/signet-api" "$SIGNET_API_LISTEN"
        daemon_wait signet-api "$READY_SECONDS" \
                curl --noproxy '*' -fsSk --max-time 5 "$SCHEME://$(port_local "$SIGNET_API_LISTEN")/readyz"
}

up_broker() {
        SIGNET_DATABASE_URL=$BROKER_DATABASE daemon_start signet-broker "$PROGRAMS/signet-broker" \
                "$SIGNET_MQTTS_LISTEN" "$SIGNET_MQTT_LISTEN" "$SIGNET_WS_LISTEN" "$SIGNET_WSS_LISTEN" "$SIGNET_METRICS_LISTEN"
        daemon_wait signet-broker "$READY_SECONDS" "$PROGRAMS/signetctl" status
}

# Made once. The secret travels on standard input and in files of mode 0600 only.
up_access_key() {
        if [ ! -s "$HOME_DIR/credentials.env" ]; then
                step "making an access key"
                printf 'ALIBABA_CLOUD_ACCESS_KEY_ID=LTAI%s\nALIBABA_CLOUD_ACCESS_KEY_SECRET=%s\n' \
                        "$(random_alphanumerics 20)" "$(random_alphanumerics 30)" >"$HOME_DIR/credentials.env.new"
                mv -- "$HOME_DIR/credentials.env.new" "$HOME_DIR/credentials.env"
        fi
        demo_ctl onsmqtt ListInstances >/dev/null 2>&1 && return
        sed -n 's/^ALIBABA_CLOUD_ACCESS_KEY_\(ID\|SECRET\)=//p' "$HOME_DIR/credentials.env" |
                SIGNET_DATABASE_URL=$API_DATABASE "$PROGRAMS/signet-api" --create-access-key >>"$LOG_DIR/migrate.log" 2>&1 9>&- ||
                die "the access key cannot be stored; see $LOG_DIR/migrate.log"
}
