# shellcheck shell=bash
# lib: settings and small parts of the examples. Nothing secret is ever an argument of a program: `ps` shows those to
# everybody. Secrets travel through files of mode 0600, pipes, and bash's own printf.
set -euo pipefail
umask 077

SIGNET_HOME=${SIGNET_HOME:-.signet}
# shellcheck disable=SC2034 # the scripts use them
ENDPOINT=${SIGNET_ENDPOINT:-http://127.0.0.1:8080}
# shellcheck disable=SC2034
INSTANCE=${SIGNET_INSTANCE:-mqtt-cn-signet00001}
DOMAIN=${EXAMPLE_DOMAIN:-gamma.signet.example}
WORK=$SIGNET_HOME/examples # keys and certificates, and what one step leaves for the next
mkdir -p -- "$WORK"

if [ -z "${ALIBABA_CLOUD_ACCESS_KEY_ID:-}" ]; then
        # shellcheck source=/dev/null
        . "$SIGNET_HOME/credentials.env"
fi

die() { # TEXT
        printf '%s\n' "$1" >&2
        exit 1
}

# What every call of curl has; more lines of a curl configuration come from standard input. The answer of a call that is
# refused goes to standard error.
curl_with() { # ARGUMENT…
        local answer status=0
        answer=$(curl --silent --show-error --fail-with-body --noproxy '*' --max-time 60 --config <(
                cat
                [ -z "${SIGNET_CACERT:-}" ] || printf 'cacert = "%s"\n' "$SIGNET_CACERT"
        ) "$@") || status=$?
        [ "$status" -eq 0 ] || die "curl has failed ($status): $answer"
        printf '%s\n' "$answer"
}

# The value of the first member of that name in the JSON on standard input.
field() { # NAME
        local text
        text=$(cat)
        [[ $text =~ \"$1\":\"?([^\",}]*) ]] || die "there is no $1 in: $text"
        printf '%s\n' "${BASH_REMATCH[1]}"
}

# From GetSniConfig's answer on standard input: <domain>#<certificate> of every domain but one, joined with ';'.
other_entries() { # DOMAIN
        local row domain all=""
        while IFS= read -r -d '{' row || [ -n "$row" ]; do
                [[ $row =~ \"Domain\":\"([^\"]*)\" ]] || continue
                domain=${BASH_REMATCH[1]}
                [ "$domain" != "$1" ] || continue
                [[ $row != *'"HasPassword":true'* ]] || die "$domain has a password, which no answer tells"
                all+="${all:+;}$domain#$(field CertIdentifier <<<"$row")"
        done
        printf '%s' "$all"
}

make_server_certificate() { # a self-signed one for DOMAIN, in server.crt and server.key
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=$DOMAIN" \
                -addext "subjectAltName=DNS:$DOMAIN" -keyout "$WORK/server.key" -out "$WORK/server.crt" 2>/dev/null
}

make_ca() { # in ca.crt and ca.key
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=example device CA" \
                -keyout "$WORK/ca.key" -out "$WORK/ca.crt" 2>/dev/null
}

# Proof that the CA's key is ours: a certificate that it has signed, with the registration code as its name.
make_verification() { # CODE: in verification.crt
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
                -keyout "$WORK/verification.key" -out "$WORK/verification.csr" 2>/dev/null
        openssl x509 -req -in "$WORK/verification.csr" -CA "$WORK/ca.crt" -CAkey "$WORK/ca.key" -CAcreateserial -days 30 \
                -out "$WORK/verification.crt" 2>/dev/null
}

# The SHA-256 fingerprint that the broker of this machine shows for DOMAIN.
served() {
        local at=${SIGNET_MQTTS_LISTEN:-127.0.0.1:8883}
        openssl s_client -connect "${at/#0.0.0.0:/127.0.0.1:}" -servername "$DOMAIN" </dev/null 2>/dev/null |
                openssl x509 -noout -fingerprint -sha256
}

check_served() { # the certificate of step 1
        [ "$(served)" = "$(openssl x509 -in "$WORK/server.crt" -noout -fingerprint -sha256)" ] ||
                die "the broker does not serve the certificate of $DOMAIN"
        printf 'the broker serves it for %s\n' "$DOMAIN"
}
