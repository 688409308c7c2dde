# shellcheck shell=bash
# packages: installs the Debian packages that are missing, and nothing when none is. Needs base.sh.

packages_listed() { # LIST…: names of scripts/packages/LIST.txt
        local list
        for list in "$@"; do
                sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$SIGNET_ROOT/scripts/packages/$list.txt"
        done | sort -u
}

packages_missing() { # LIST…
        local name status
        for name in $(packages_listed "$@"); do
                status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) || status=
                [ "$status" = installed ] || printf '%s\n' "$name"
        done
}

packages_install() { # LIST…
        local -a missing
        mapfile -t missing < <(packages_missing "$@")
        [ "${#missing[@]}" -gt 0 ] || return 0
        step "installing ${missing[*]}"
        main_cluster_forbid "${missing[@]}"
        packages_apt update
        packages_apt install -y --no-install-recommends "${missing[@]}"
        main_cluster_allow
}

packages_apt() { # COMMAND ARGUMENT…: quiet unless it fails
        local output
        if ! output=$(as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get -q -o DPkg::Lock::Timeout=300 "$@" 2>&1 </dev/null); then
                printf '%s\n' "$output" >&2
                main_cluster_allow
                die "apt-get $1 failed"
        fi
}

# Debian's postgresql-15 makes and starts a cluster of its own when it is installed first. Signet has a private one,
# so a drop-in says no for as long as the installation takes; a server that is there already is left alone.
MAIN_CLUSTER_FOLDER=/etc/postgresql-common/createcluster.d
MAIN_CLUSTER_DROP_IN=$MAIN_CLUSTER_FOLDER/signet.conf

main_cluster_forbid() { # PACKAGE…
        case " $* " in
        *" postgresql-15 "*) ;;
        *) return 0 ;;
        esac
        as_root install -d -m 0755 /etc/postgresql-common "$MAIN_CLUSTER_FOLDER"
        printf 'create_main_cluster = false\n' | as_root tee "$MAIN_CLUSTER_DROP_IN" >/dev/null
        as_root chmod 0644 "$MAIN_CLUSTER_DROP_IN"
}

main_cluster_allow() {
        [ -e "$MAIN_CLUSTER_DROP_IN" ] || return 0
        as_root rm -f "$MAIN_CLUSTER_DROP_IN"
        as_root rmdir --ignore-fail-on-non-empty "$MAIN_CLUSTER_FOLDER"
}
