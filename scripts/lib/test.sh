# shellcheck shell=bash
# test: the suites of scripts/test and their counting. Needs base.sh, build.sh, node.sh, console.sh. Every suite writes its output into
# $TEST_DIR, which is shown when it fails; what it counted goes into $TEST_DIR/table as `name passed failed skipped seconds`.
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
FUZZ_INPUT_MAX=16384
PYTEST_WORKERS=${PYTEST_WORKERS:-2}

test_open() {
        TEST_DIR=$(mktemp -d /tmp/signet-test.XXXXXX)
        : >"$TEST_DIR/table"
        trap test_close EXIT
        trap 'exit 130' INT TERM
        cd -- "$SIGNET_ROOT" || die "cannot enter $SIGNET_ROOT"
        export PYTHONDONTWRITEBYTECODE=1 UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
}

test_close() {
        [ ! -d "$TEST_DIR/cluster" ] || "$SIGNET_ROOT/scripts/private-postgres" remove "$TEST_DIR/cluster" || true
        rm -rf -- "$TEST_DIR"
}

# Runs one suite, notes what it counted, shows its output when anything is wrong. A suite that ran nothing has failed.
test_suite() { # NAME COUNT COMMAND…: COUNT prints `passed failed skipped` from the output file
        local name=$1 count=$2 output=$TEST_DIR/$1.out began=$SECONDS status=0 passed failed skipped
        shift 2
        step "testing: $name"
        "$@" </dev/null >"$output" 2>&1 9>&- || status=$?
        read -r passed failed skipped < <("$count" "$output" || echo "0 0 0") || true
        if [ "$status" -ne 0 ] && [ "${failed:-0}" -eq 0 ] || [ $((${passed:-0} + ${failed:-0})) -eq 0 ]; then
                failed=$((${failed:-0} + 1)) # a crash, or nothing ran
        fi
        printf '%s %s %s %s %s\n' "$name" "${passed:-0}" "$failed" "${skipped:-0}" "$((SECONDS - began))" >>"$TEST_DIR/table"
        if [ "$failed" -gt 0 ]; then
                printf -- '---- %s failed (status %s):\n' "$name" "$status"
                tail -n 400 -- "$output"
                printf -- '---- end of %s\n' "$name"
        fi
}

test_count_junit() { # OUTPUT: its report stands beside it
        /usr/bin/python3 "$SIGNET_ROOT/scripts/lib/count_junit.py" "${1%.out}.xml"
}

test_count_lines() { # OUTPUT: of scripts/check
        printf '%s %s 0\n' "$(grep -c '^ok ' "$1")" "$(grep -c '^FAIL ' "$1")"
}

test_count_one() { # OUTPUT: of a fuzzer, which says how far it came
        if grep -q '^Done [0-9]* runs' "$1"; then echo "1 0 0"; else echo "0 1 0"; fi
}

# A build that fails is a failed suite; what needs it is not run. Sets BUILD_DIR.
test_build() { # PRESET
        local began=$SECONDS
        BUILD_DIR=$(build_preset "$1") && return
        printf '%s 0 1 0 %s\n' "build-$1" "$((SECONDS - began))" >>"$TEST_DIR/table"
        return 1
}

test_unit() {
        local program name
        test_build dev || return 0
        SIGNET_TEST_DATABASE_URL="host=$("$SIGNET_ROOT/scripts/private-postgres" start "$TEST_DIR/cluster") dbname=postgres user=signet_owner"
        export SIGNET_TEST_DATABASE_URL
        for program in "$BUILD_DIR"/test_{common,api,broker,ctl}; do
                name=unit-${program##*/test_}
                test_suite "$name" test_count_junit test_unit_one "$program" --xml="$TEST_DIR/$name.xml"
        done
}

# Criterion's own process now and then leaves 48 bytes of its own behind, and does not fail when a test's process leaks.
# So the exit status says nothing of leaks, and a report with a frame of this tree in it is a failure.
test_unit_one() { # PROGRAM ARGUMENT…
        local status=0 report=$TEST_DIR/${1##*/}.report
        LSAN_OPTIONS=exitcode=0 "$@" >"$report" 2>&1 || status=$?
        cat -- "$report"
        if grep -E '^ +#[0-9]+ 0x[0-9a-f]+ in .*/(common|api|broker|ctl|tests)/[^ ]*\.c:' -- "$report" >/dev/null; then
                echo "a sanitizer reports this tree's own code, see above"
                status=1
        fi
        return "$status"
}

test_fuzz() {
        local source name
        test_build fuzz || return 0
        mkdir -p -- "$BUILD_DIR/artifacts"
        for source in tests/fuzz/fuzz_*.c; do
                name=$(basename "$source" .c)
                test_suite "${name/_/-}" test_count_one test_fuzz_one "$BUILD_DIR/$name" "$BUILD_DIR/artifacts/$name-"
        done
}

# What is found goes into a folder of its own; the seeds are only read.
test_fuzz_one() { # PROGRAM ARTIFACTS
        local name=${1##*/} seeds
        local -a arguments=(-max_total_time="$FUZZ_SECONDS" -max_len="$FUZZ_INPUT_MAX" -rss_limit_mb=2048 -timeout=10
                -artifact_prefix="$2" -print_final_stats=1)
        mkdir -p -- "$TEST_DIR/corpus-$name"
        [ ! -f "tests/fuzz/$name.dict" ] || arguments+=(-dict="tests/fuzz/$name.dict")
        arguments+=("$TEST_DIR/corpus-$name")
        for seeds in "tests/fuzz/corpus/$name" "tests/fuzz/corpus/${name#fuzz_}"; do
                [ ! -d "$seeds" ] || arguments+=("$seeds")
        done
        "$1" "${arguments[@]}"
}

test_check() {
        test_suite check test_count_lines "$SIGNET_ROOT/scripts/check"
}

test_pytest() { # NAME: tests/NAME
        local preset
        for preset in dev release tsan; do
                test_build "$preset" || return 0
        done
        test_suite "$1" test_count_junit /usr/bin/python3 -m pytest "tests/$1" -n "$PYTEST_WORKERS" -q -ra \
                -p no:cacheprovider --junitxml="$TEST_DIR/$1.xml"
}

test_api() {
        test_pytest api
}

test_flow() { # some of it with MQTT.js
        test_modules clients examples/clients/mqttjs || return 0
        SIGNET_CLIENT_MODULES=$MODULES test_pytest flow
}

# What the package-lock.json of a folder names, into a folder of its own. Sets MODULES.
test_modules() { # NAME FOLDER
        local began=$SECONDS
        MODULES=$(build_directory "$1")
        mkdir -p -- "$MODULES"
        cp -- "$2/package.json" "$2/package-lock.json" "$2/.npmrc" "$MODULES"
        node_packages "$MODULES" && return
        printf '%s-modules 0 1 0 %s\n' "$1" "$((SECONDS - began))" >>"$TEST_DIR/table"
        return 1
}

test_sdk() {
        test_build dev || return 0
        test_modules sdk tests/sdk || return 0
        test_suite sdk-openapi test_count_lines test_openapi
        test_suite sdk test_count_junit env SIGNET_TEST_BUILD="$BUILD_DIR" /usr/bin/python3 tests/sdk/run.py \
                --modules "$MODULES" --junit "$TEST_DIR/sdk.xml"
}

test_openapi() { # a public linter's opinion of each document
        local document failed=0
        for document in openapi/*.json; do
                if SCARF_ANALYTICS=false "$MODULES/node_modules/.bin/spectral" lint --ruleset tests/sdk/spectral.yaml \
                        --fail-severity=warn --quiet "$document"; then
                        printf 'ok %s\n' "$document"
                else
                        printf 'FAIL %s\n' "$document"
                        failed=1
                fi
        done
        return "$failed"
}

# Stories with sanitizers, what is measured without.
test_console() {
        local began=$SECONDS tree
        { test_build dev && test_build release && test_modules console-tests tests/console; } || return 0
        if ! CONSOLE_DIR=$(console_build) || ! tree=$(console_tree) || ! node_packages "$tree"; then
                printf 'console-build 0 1 0 %s\n' "$((SECONDS - began))" >>"$TEST_DIR/table"
                return 0
        fi
        test_suite console-types test_count_lines test_types "$tree"
        test_browser console dev stories "$tree"
        test_browser console-pages release shots "$tree"
        test_browser console-speed release speed "$tree"
}

test_types() { # FOLDER: of the TypeScript sources
        if node "$1/node_modules/typescript/bin/tsc" --noEmit -p "$1"; then echo "ok tsc"; else echo "FAIL tsc" && return 1; fi
}

test_browser() { # NAME PRESET PART TREE
        test_suite "$1" test_count_junit /usr/bin/python3 tests/console/run.py "$3" --build "$(build_directory "$2")" \
                --modules "$MODULES" --sources "$4" --console "$CONSOLE_DIR" --junit "$TEST_DIR/$1.xml"
        [ "$3" != speed ] || grep -E '^[^{]* ms' "$TEST_DIR/$1.out" || true
}

# The table, and as the last line the sum. Fails when anything has.
test_summary() {
        awk 'BEGIN { printf "\n%-24s %8s %8s %8s %9s\n", "suite", "passed", "failed", "skipped", "seconds" }
                { printf "%-24s %8d %8d %8d %9d\n", $1, $2, $3, $4, $5; p += $2; f += $3; s += $4 }
                END { printf "\n%d passed, %d failed, %d skipped\n", p, f, s; exit (f > 0 || p == 0) }' "$TEST_DIR/table"
}
