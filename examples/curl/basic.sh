# shellcheck shell=bash
# basic: HTTP Basic, for an https endpoint or one on this machine. Needs lib.sh.

# One call: a path names version and operation, and curl makes the form.
basic() { # VERSION/ACTION [ARGUMENT OF CURL]…
        local path=$1
        shift
        curl_with --request POST "$ENDPOINT/$path" "$@" < <(
                printf 'user = "%s:%s"\n' "$ALIBABA_CLOUD_ACCESS_KEY_ID" "$ALIBABA_CLOUD_ACCESS_KEY_SECRET"
        )
}
