# shellcheck shell=bash
# console: builds console/ into build/console. Needs base.sh, build.sh, packages.sh, node.sh.

# Prints the folder of the built console; false when it cannot be built, and standard error says why. What is there already is
# used as long as no source has changed.
console_build() {
        local built sources
        sources=$(console_digest)
        built=$SIGNET_ROOT/build/console
        if ! console_current "$built" "$sources"; then
                built=$(build_directory console)
                console_current "$built" "$sources" || console_make "$built" "$sources" || return 1
        fi
        printf '%s\n' "$built"
}

console_current() { # FOLDER DIGEST
        [ -r "$1/index.html" ] && [ "$(cat -- "$1.sources" 2>/dev/null)" = "$2" ]
}

console_digest() { # of every source, and its name
        (cd -- "$SIGNET_ROOT/console" && find . -name node_modules -prune -o -type f -print0 | LC_ALL=C sort -z |
                xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1)
}

# One build at a time; the old one stays until the new one is whole.
console_make() { # FOLDER DIGEST
        local tree output
        (node_install) || return 1 # in a shell of its own: it may die
        mkdir -p -- "${1%/*}" || return 1
        exec 8>"$1.lock"
        flock 8
        if ! console_current "$1" "$2"; then
                tree=$(console_tree)
                node_packages "$tree" || return 1
                step "building the console in $1"
                if ! output=$(umask 022 && cd -- "$tree" && SIGNET_CONSOLE_OUT=$1.new node node_modules/vite/bin/vite.js build 2>&1); then
                        printf '%s\n' "$output" >&2
                        return 1
                fi
                rm -rf -- "$1" && mv -- "$1.new" "$1" && printf '%s\n' "$2" >"$1.sources" && chmod 644 -- "$1.sources" || return 1
        fi
        exec 8>&-
}

# Prints where its packages are, or may be, installed: beside the sources, or in a copy when those are read-only to the caller.
console_tree() {
        local tree=$SIGNET_ROOT/console
        if [ ! -w "$tree" ]; then
                tree=$(build_directory console-tree)
                mkdir -p -- "$tree"
                rm -rf -- "$tree/src" "$tree/public"
                (cd -- "$SIGNET_ROOT/console" && cp -R -- .npmrc index.html ./*.json ./*.ts public src "$tree")
        fi
        printf '%s\n' "$tree"
}
