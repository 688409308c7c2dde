# shellcheck shell=bash
# ports: is a listening address free? Read from /proc, so that nothing has to be installed or connected to. Needs base.sh.

# Dies when somebody else listens where one of the addresses wants to. Addresses in EXEMPT are our own daemons'.
ports_require_free() { # EXEMPT ADDRESS…
        local exempt=" $1 " address
        shift
        for address in "$@"; do
                [[ -n $address && $exempt != *" $address "* ]] || continue
                [[ $address =~ ^(\[[0-9A-Fa-f:.]+\]|[^:]+):[0-9]+$ ]] || die "$address is no <host>:<port>"
                ! port_taken "${address%:*}" "${address##*:}" ||
                        die "$address is in use by another program; stop it or choose another address (docs/operations.md)"
        done
}

# Listening sockets of the port on the same address, or where either side is the wildcard address. For IPv6 and names the
# port alone decides.
port_taken() { # HOST PORT
        cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf '%04X' "$2")" -v host="$(port_hex_host "$1")" '
                $4 == "0A" && split($2, at, ":") == 2 && at[2] == port {
                        any = at[1] ~ /^0+$/
                        if (any || host == "" || host ~ /^0+$/ || length(at[1]) > 8 || at[1] == host)
                                taken = 1
                }
                END { exit !taken }'
}

port_hex_host() { # HOST: as /proc/net/tcp writes an IPv4 address (little endian); empty for anything else
        if [[ $1 =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$ ]]; then
                printf '%02X%02X%02X%02X\n' "${BASH_REMATCH[4]}" "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
        fi
}

# Where a client on this machine reaches a listening address.
port_local() { # ADDRESS
        case ${1%:*} in
        0.0.0.0) printf '127.0.0.1:%s\n' "${1##*:}" ;;
        '[::]') printf '[::1]:%s\n' "${1##*:}" ;;
        *) printf '%s\n' "$1" ;;
        esac
}
