# shellcheck shell=bash
# base: what every script needs first: where the tree is, who we are, how to speak. Sourced, never run.
umask 077
PATH=$PATH:/usr/sbin:/sbin # useradd, runuser; not in every user's PATH
SIGNET_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
export SIGNET_ROOT

step() { # progress, for people; standard output is kept for results
        printf '%s\n' "- $*" >&2
}

warn() {
        printf '%s: warning: %s\n' "${0##*/}" "$*" >&2
}

die() {
        printf '%s: %s\n' "${0##*/}" "$*" >&2
        exit 1
}

is_root() {
        [ "$(id -u)" -eq 0 ]
}

# sudo COMMAND…, or just COMMAND for root.
as_root() {
        if is_root; then
                "$@"
        elif command -v sudo >/dev/null; then
                sudo -- "$@"
        else
                die "needs root for: $* (run it as root, or install sudo)"
        fi
}

# Absolute, without resolving links; relative to where the caller stands.
absolute_path() { # PATH
        case $1 in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s/%s\n' "$PWD" "${1#./}" ;;
        esac
}

byte_length() { # TEXT
        local LC_ALL=C
        printf '%s\n' "${#1}"
}
