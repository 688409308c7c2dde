# shellcheck shell=bash
# home: the folder in which a running Signet keeps its things, laid out as docs/operations.md says. Needs base.sh
# and service_user.sh.
#
# $HOME_DIR/{pg,mqtt,console,run,log,pki,started,master.key,credentials.env}. Root's home is 0710 with the service user's group, so
# that the service user reaches pg and run and can list nothing; anybody else's is 0700. Where the service user cannot get
# there (a clone under root's own folder), or a socket's path would be too long (107 bytes), pg, mqtt, console and
# run are links to short private directories. console is there only where the service user cannot read the built one.
HOME_MARK=.made-by-signet
SOCKET_PATH_MAX=107

home_hash() { # of the home's path: distinguishes the linked directories of several homes
        printf '%s' "$HOME_DIR" | sha256sum | cut -c 1-8
}

# Sets HOME_DIR, RUN_DIR, PG_DIR, MQTT_DIR, LOG_DIR and makes what is missing. The callers use them.
# shellcheck disable=SC2034
home_prepare() { # HOME INSTANCE
        HOME_DIR=$(absolute_path "$1")
        LOG_DIR=$HOME_DIR/log
        service_user_open
        home_adopt
        mkdir -p -- "$LOG_DIR" "$HOME_DIR/started"
        PG_DIR=$(home_prepare_data pg "$(home_hash)")
        MQTT_DIR=$(home_prepare_data mqtt "$(home_hash)-mqtt")
        home_prepare_run "$2"
}

# A directory with other people's things in it is not ours to fill (nor to purge). The two files that a restore brings
# back are no such things.
home_adopt() {
        if [ -d "$HOME_DIR" ] && [ ! -e "$HOME_DIR/$HOME_MARK" ] &&
                [ -n "$(find "$HOME_DIR" -mindepth 1 -maxdepth 1 ! -name master.key ! -name credentials.env -print -quit)" ]; then
                die "SIGNET_HOME ($HOME_DIR) holds other things; give an empty or a new directory"
        fi
        mkdir -p -- "$HOME_DIR" || die "cannot make $HOME_DIR; set SIGNET_HOME to a directory you may write"
        : >"$HOME_DIR/$HOME_MARK"
        if is_root; then
                chgrp -- "$(id -g "$SERVICE_USER")" "$HOME_DIR"
                chmod 0710 -- "$HOME_DIR"
        else
                chmod 0700 -- "$HOME_DIR"
        fi
}

home_reachable() { # by the service user
        as_service test -x "$HOME_DIR"
}

# Prints where the service user's data of this name is.
home_prepare_data() { # NAME ELSEWHERE
        local wanted=$HOME_DIR/$1
        if [ -L "$wanted" ]; then
                wanted=$(readlink -m -- "$wanted")
        elif is_root && { ! home_reachable || [ "$(byte_length "$wanted")" -gt 700 ]; }; then
                [ ! -e "$wanted" ] || die "$wanted cannot be reached by $SERVICE_USER any more"
                wanted=/var/lib/signet/$2
                ln -s -- "$wanted" "$HOME_DIR/$1"
        fi
        [ "$wanted" = "$HOME_DIR/$1" ] || (umask 022 && mkdir -p -- "${wanted%/*}")
        private_directory "$wanted"
        printf '%s\n' "$wanted"
}

home_prepare_run() { # INSTANCE
        local wanted=$HOME_DIR/run
        if [ -L "$wanted" ] && home_owns "$(readlink -m -- "$wanted")"; then
                wanted=$(readlink -m -- "$wanted")
        elif ! home_run_fits "$1" || ! home_reachable; then
                wanted=$(home_short_run)
        fi
        RUN_DIR=$wanted
        private_directory "$RUN_DIR"
        [ "$RUN_DIR" = "$HOME_DIR/run" ] || ln -sfn -- "$RUN_DIR" "$HOME_DIR/run"
}

# Also false for characters that would need quoting in a libpq connection string, and for what is a link already.
home_run_fits() { # INSTANCE
        local longest=".s.PGSQL.5432"
        [ ! -L "$HOME_DIR/run" ] || return 1
        [ "${#1}" -le 8 ] || longest=$1.sock
        [ $(($(byte_length "$HOME_DIR/run") + 1 + ${#longest})) -le "$SOCKET_PATH_MAX" ] || return 1
        [[ $HOME_DIR =~ ^[A-Za-z0-9_./+@%-]+$ ]]
}

home_short_run() {
        local base=/tmp
        if is_root; then
                printf '/run/signet-%s\n' "$(home_hash)"
                return
        fi
        [ ! -d "${XDG_RUNTIME_DIR:-}" ] || [ ! -w "$XDG_RUNTIME_DIR" ] || base=$XDG_RUNTIME_DIR
        printf '%s/signet-%s-%s\n' "$base" "$(id -u)" "$(home_hash)"
}

# Sets the same as home_prepare, of a home that is there; false when there is none.
# shellcheck disable=SC2034
home_open() { # HOME
        HOME_DIR=$(absolute_path "$1")
        [ -e "$HOME_DIR/$HOME_MARK" ] || return 1
        LOG_DIR=$HOME_DIR/log
        RUN_DIR=$(readlink -m -- "$HOME_DIR/run")
        PG_DIR=$(readlink -m -- "$HOME_DIR/pg")
        MQTT_DIR=$(readlink -m -- "$HOME_DIR/mqtt")
        service_user_open
}

# Removes what home_prepare and scripts/up have made, and the directory itself when nothing else is left in it.
home_purge() {
        local link target
        for link in run pg mqtt console; do
                target=$(readlink -m -- "$HOME_DIR/$link")
                if [ -L "$HOME_DIR/$link" ] && home_owns "$target"; then
                        rm -rf -- "$target"
                fi
        done
        rm -rf -- "${HOME_DIR:?}"/{pg,mqtt,console,run,log,pki,started,master.key,credentials.env,.lock,"$HOME_MARK"}
        rmdir -- "$HOME_DIR" 2>/dev/null || warn "$HOME_DIR holds things that are not Signet's; left there"
}

# Only directories of the names that home_prepare gives, and of the service user.
home_owns() { # DIRECTORY
        [[ $1 =~ ^/var/lib/signet/[0-9a-f]{8}(-mqtt|-console)?$ || $1 =~ /signet-([0-9]+-)?[0-9a-f]{8}$ ]] || return 1
        [ -d "$1" ] && [ "$(stat -c %u -- "$1")" = "$SERVICE_UID" ]
}
