# shellcheck shell=bash
# service_user: who runs PostgreSQL, the API and the broker. Root hands them to a system user; anybody else runs
# them as he is. Needs base.sh.

# Sets SERVICE_USER and SERVICE_UID; makes the system user when it is missing.
service_user_open() {
        if ! is_root; then
                SERVICE_USER=$(id -un)
                SERVICE_UID=$(id -u)
                return
        fi
        SERVICE_USER=${SIGNET_USER:-signet}
        if ! getent passwd "$SERVICE_USER" >/dev/null; then
                step "making the system user $SERVICE_USER"
                useradd --system --user-group --no-create-home --home-dir /nonexistent \
                        --shell /usr/sbin/nologin "$SERVICE_USER"
        fi
        SERVICE_UID=$(id -u "$SERVICE_USER")
        [ "$SERVICE_UID" -ne 0 ] || die "SIGNET_USER must not be root"
}

# Runs a command as the service user, from / (the caller's directory may be closed to it).
as_service() { # COMMAND…
        if is_root; then
                (cd / && exec setpriv --reuid "$SERVICE_UID" --regid "$(id -g "$SERVICE_USER")" --init-groups -- "$@")
        else
                (cd / && exec "$@")
        fi
}

# A directory that only the service user may enter. Refuses one that somebody else has made, or a link.
private_directory() { # PATH
        [ ! -L "$1" ] || die "$1 is a link; refusing to use it"
        if [ ! -d "$1" ]; then
                mkdir -m 0700 -- "$1"
                ! is_root || chown "$SERVICE_USER:" -- "$1"
        fi
        [ "$(stat -c %u -- "$1")" = "$SERVICE_UID" ] || die "$1 belongs to somebody else; refusing to use it"
        chmod 0700 -- "$1"
}
