# shellcheck shell=bash
# node: Node with its npm, and what npm installs. Needs base.sh and packages.sh.
NODE_LEAST=18
NODE_PATIENCE=(--fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=10000 --fetch-timeout=60000)

# Node from wherever it is when it is new enough; else Debian's.
node_install() {
        local version
        version=$(node --print 'parseInt(process.versions.node)' 2>/dev/null) || version=0
        if [ "$version" -lt "$NODE_LEAST" ] || ! command -v npm >/dev/null; then
                packages_install node
        fi
}

# What the package-lock.json of a folder names, as it is published; anew when the lock has changed. No script of a package is
# run. npm's own words go to standard error when it fails.
node_packages() { # FOLDER
        local output installed=$1/node_modules/.installed.json
        ! cmp -s -- "$1/package-lock.json" "$installed" || return 0
        step "installing the npm packages of $1"
        if ! output=$(umask 022 && npm ci --prefix "$1" "${NODE_PATIENCE[@]}" 2>&1 </dev/null &&
                cp -- "$1/package-lock.json" "$installed"); then
                printf '%s\n' "$output" >&2
                return 1
        fi
}
