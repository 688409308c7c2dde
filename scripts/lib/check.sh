# shellcheck shell=bash
# check: one function a check; each prints what is wrong and fails. Needs base.sh. Runs in SIGNET_ROOT.
SOURCES_TOP=(common api broker ctl tests bench)

check_tracked() { # tracked and new files that are not ignored; every file where there is no git
        if check_git rev-parse --git-dir >/dev/null 2>&1; then
                check_git ls-files -co --exclude-standard | while IFS= read -r name; do
                        [ ! -f "$name" ] || printf '%s\n' "$name"
                done
        else
                find . -type f -not -path './build/*' -not -path './.signet/*' -printf '%P\n'
        fi
}

check_git() { # the tree may belong to somebody else than who runs this
        git -c safe.directory='*' "$@"
}

check_sources() { # every .c and .h
        find "${SOURCES_TOP[@]}" -name '*.[ch]' -type f 2>/dev/null | LC_ALL=C sort
}

# .c files that differ from where this work began; all of them when that cannot be told, or nothing differs.
check_changed_sources() {
        local base changed
        base=$(check_git merge-base HEAD origin/HEAD 2>/dev/null || check_git merge-base HEAD origin/main 2>/dev/null) || base=
        changed=$({ [ -z "$base" ] || check_git diff --name-only "$base" -- && check_git ls-files -o --exclude-standard; } 2>/dev/null |
                grep -E '^(common|api|broker|ctl)/.*\.c$' | sort -u) || changed=
        if [ -n "$base" ] && [ -n "$changed" ]; then
                printf '%s\n' "$changed" | while IFS= read -r name; do
                        [ ! -f "$name" ] || printf '%s\n' "$name"
                done
        else
                check_sources | grep -E '^(common|api|broker|ctl)/.*\.c$'
        fi
}

check_scripts() { # by their first line
        check_tracked | while IFS= read -r name; do
                head -c 64 -- "$name" 2>/dev/null | head -n 1 | tr -d '\0' | grep -qE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' &&
                        printf '%s\n' "$name"
        done || true
}

# Names the files only: clang-format -i mends them.
check_format() {
        local output
        output=$(check_sources | xargs -r clang-format --dry-run -Werror 2>&1) && return
        printf '%s\n' "$output" | sed -n -E 's/^([^ :]+\.[ch]):[0-9]+:.*/\1: not as clang-format has it/p' | sort -u
        return 1
}

check_layers() {
        "$SIGNET_ROOT/scripts/check-layers"
}

check_banned() {
        check_sources | xargs -r /usr/bin/python3 "$SIGNET_ROOT/scripts/lib/check_sources.py"
}

check_shellcheck() {
        check_scripts | xargs -r shellcheck -x -P SCRIPTDIR
}

# It does not know the cleanup attribute, so its leaks are none; LeakSanitizer looks for those in every test.
check_cppcheck() {
        check_changed_sources | xargs -r cppcheck --quiet --std=c11 --language=c --enable=warning,performance,portability \
                --inline-suppr --suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak \
                --error-exitcode=1 --library=posix -D_GNU_SOURCE -DSIGNET_VERSION='"0"' -I .
}

# A folder of one person's machine, or the host that a package came from, is no part of the project.
check_private_names() {
        local pattern='(^|[^A-Za-z0-9_.$}>-])/(home|Users)/[A-Za-z]|(^|[^A-Za-z0-9_.$}>-])/root/[A-Za-z]'
        pattern+='|https?://[A-Za-z0-9.-]*(registry|pypi|mirror|goproxy|artifactory)[A-Za-z0-9.-]*[/:"]|https?://(deb|security)[.]'
        ! check_tracked | grep -vE '\.(png|ico|woff2?)$' | tr '\n' '\0' | xargs -0 -r grep -nIE -- "$pattern"
}

check_console() { # markup is never made of text, and nothing is hidden from the compiler
        ! grep -rnE 'dangerouslySetInnerHTML|innerHTML|\beval\(|@ts-(ignore|nocheck)|\bas any\b|: any\b' \
                --include='*.ts' --include='*.tsx' console/src
}

check_openapi() { # the documents are JSON
        local document
        for document in openapi/*.json; do
                /usr/bin/python3 -m json.tool "$document" >/dev/null || { echo "$document is no JSON" && return 1; }
        done
}

check_compose() { # no container engine is needed to see that it is YAML
        /usr/bin/python3 - docker/compose.yaml <<'PYTHON'
import sys
import yaml

with open(sys.argv[1], encoding="utf-8") as f:
    services = yaml.safe_load(f)["services"]
wanted = {"postgres", "migrate", "api", "broker"}
sys.exit(0 if wanted <= set(services) else f"services missing: {wanted - set(services)}")
PYTHON
}
