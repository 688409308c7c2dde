# shellcheck shell=bash
# sign: ACS3-HMAC-SHA256 with bash and `openssl dgst`. `openssl dgst -hmac` and `openssl mac` take the key as an argument, so
# the HMAC is put together from its two hashes here: H((key ^ 0x5c…) H((key ^ 0x36…) text)). Needs lib.sh.

# Each sets REPLY: a command substitution a byte would be slow.
percent() { # TEXT: all but A-Z a-z 0-9 - _ . ~ as %XX, byte by byte
        local LC_ALL=C text=$1 i c code
        REPLY=""
        for ((i = 0; i < ${#text}; i++)); do
                c=${text:i:1}
                if [[ $c == [A-Za-z0-9._~-] ]]; then
                        REPLY+=$c
                else
                        printf -v code '%d' "'$c"
                        printf -v c '%%%02X' $((code & 255))
                        REPLY+=$c
                fi
        done
}

sha256() { # the hash of standard input, in hex
        local line
        line=$(openssl dgst -sha256 -r)
        REPLY=${line%% *}
}

hex_escapes() { # HEX: \xHH for each byte, as `printf %b` reads it
        local i
        REPLY=""
        for ((i = 0; i < ${#1}; i += 2)); do
                REPLY+="\\x${1:i:2}"
        done
}

hmac_sha256() { # KEY TEXT
        local LC_ALL=C key=$1 i code byte inner="" outer=""
        [ "${#key}" -le 64 ] || die "a secret of more than 64 bytes would have to be hashed first"
        for ((i = 0; i < 64; i++)); do
                code=0
                [ "$i" -ge "${#key}" ] || printf -v code '%d' "'${key:i:1}"
                printf -v byte '\\x%02x' $(((code & 255) ^ 0x36))
                inner+=$byte
                printf -v byte '\\x%02x' $(((code & 255) ^ 0x5c))
                outer+=$byte
        done
        sha256 < <(printf '%b%s' "$inner" "$2")
        hex_escapes "$REPLY"
        sha256 < <(printf '%b%b' "$outer" "$REPLY")
}

form() { # [NAME=VALUE | NAME@FILE]…: as curl's --data-urlencode takes them
        local parameter name value body=""
        for parameter in "$@"; do
                name=${parameter%%[=@]*}
                value=${parameter#"$name"}
                if [[ $value == @* ]]; then
                        value=$(cat -- "${value#@}" && printf .) # the dot keeps the line feeds at the end
                        value=${value%.}
                else
                        value=${value#=}
                fi
                percent "$value"
                body+="${body:+&}$name=$REPLY"
        done
        REPLY=$body
}

# One call: the parameters go into a form, the signature covers its hash and the headers that it names.
signed() { # VERSION ACTION [NAME=VALUE | NAME@FILE]…
        local version=$1 action=$2 body hash names headers signature
        shift 2
        form "$@"
        body=$REPLY
        sha256 < <(printf '%s' "$body")
        hash=$REPLY
        names="host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
        headers=$(signed_headers "$version" "$action" "$hash")
        sha256 < <(printf 'POST\n/\n\n%s\n\n%s\n%s' "$headers" "$names" "$hash")
        hmac_sha256 "$ALIBABA_CLOUD_ACCESS_KEY_SECRET" "ACS3-HMAC-SHA256"$'\n'"$REPLY"
        signature=$REPLY
        curl_with "$ENDPOINT/" --data-binary @<(printf '%s' "$body") < <(
                while IFS= read -r line; do
                        printf 'header = "%s: %s"\n' "${line%%:*}" "${line#*:}"
                done <<<"$headers"
                printf 'header = "Authorization: ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s"\n' \
                        "$ALIBABA_CLOUD_ACCESS_KEY_ID" "$names" "$signature"
        )
}

signed_headers() { # VERSION ACTION HASH: as they are signed, by name
        local host=${ENDPOINT#*://}
        printf 'host:%s\nx-acs-action:%s\nx-acs-content-sha256:%s\n' "${host%%/*}" "$2" "$3"
        TZ=UTC0 printf 'x-acs-date:%(%Y-%m-%dT%H:%M:%SZ)T\n' -1
        printf 'x-acs-signature-nonce:%s\nx-acs-version:%s' "$(openssl rand -hex 16)" "$1"
}
