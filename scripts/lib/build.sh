# shellcheck shell=bash
# build: configures and builds one preset of CMakePresets.json. Needs base.sh.

# Beside the sources, or in the caller's cache when the tree is read-only to him.
build_directory() { # PRESET
        local tree
        if [ -w "$SIGNET_ROOT/build/$1" ] || { [ ! -e "$SIGNET_ROOT/build/$1" ] && build_may_create "$1"; }; then
                printf '%s\n' "$SIGNET_ROOT/build/$1"
        else
                tree=$(printf '%s' "$SIGNET_ROOT" | sha256sum | cut -c 1-8)
                printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/signet/$tree/$1"
        fi
}

build_may_create() { # PRESET
        if [ -e "$SIGNET_ROOT/build" ]; then
                [ -w "$SIGNET_ROOT/build" ]
        else
                [ -w "$SIGNET_ROOT" ]
        fi
}

# Prints the build directory; the build's own output goes to standard error only when it fails. One build at a time:
# two in one directory take each other's files away.
build_preset() { # PRESET
        local directory output
        directory=$(build_directory "$1")
        step "building $1 in $directory"
        mkdir -p -- "$directory"
        if ! output=$( (umask 022 && cd -- "$SIGNET_ROOT" && exec 8> "$directory/.lock" && flock 8 &&
                cmake --preset "$1" -B "$directory" && cmake --build "$directory") 2>&1); then
                printf '%s\n' "$output" >&2
                die "building $1 failed"
        fi
        printf '%s\n' "$directory"
}
