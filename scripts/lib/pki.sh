# shellcheck shell=bash
# pki: the demo certificates in $HOME_DIR/pki. Makes what is missing, broken or about to expire, and leaves the rest.
# Needs base.sh and a home (home.sh).
PKI_DAYS=825
PKI_RENEW_SECONDS=$((14 * 24 * 3600))
PKI_CA_EXTENSIONS='basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash'
PKI_LEAF_EXTENSIONS='basicConstraints = CA:FALSE
keyUsage = digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid'

pki_prepare_ca() {
        PKI_DIR=$HOME_DIR/pki
        mkdir -p -- "$PKI_DIR"
        if ! pki_usable ca "$PKI_DIR/ca.crt"; then
                step "making the demo CA"
                pki_make ca "/CN=Signet Demo CA" "$PKI_CA_EXTENSIONS"
        fi
}

# SAN: as in openssl's subjectAltName.
pki_make_domain() { # DOMAIN SAN
        step "making the certificate of $1"
        pki_make "$1" "/CN=$1" "$PKI_LEAF_EXTENSIONS
extendedKeyUsage = serverAuth
subjectAltName = $2" -CA "$PKI_DIR/ca.crt" -CAkey "$PKI_DIR/ca.key"
}

pki_prepare_device() {
        if ! pki_usable device "$PKI_DIR/ca.crt"; then
                step "making the device certificate"
                pki_make device "/CN=device-1" "$PKI_LEAF_EXTENSIONS
extendedKeyUsage = clientAuth" -CA "$PKI_DIR/ca.crt" -CAkey "$PKI_DIR/ca.key"
        fi
        cat -- "$PKI_DIR/device.crt" "$PKI_DIR/ca.crt" >"$PKI_DIR/device_chain.crt"
}

# Proof that the demo CA's key is ours: a certificate that it has signed, with the registration code as its name.
pki_make_verification() { # CODE
        pki_make verification "/CN=$1" "$PKI_LEAF_EXTENSIONS" -CA "$PKI_DIR/ca.crt" -CAkey "$PKI_DIR/ca.key"
        rm -f -- "$PKI_DIR/verification.key"
}

# There, a pair, signed by that CA, and valid for a while.
pki_usable() { # NAME CA
        local certificate=$PKI_DIR/$1.crt key=$PKI_DIR/$1.key
        [ -s "$certificate" ] && [ -s "$key" ] &&
                openssl x509 -in "$certificate" -noout -checkend "$PKI_RENEW_SECONDS" >/dev/null 2>&1 &&
                [ "$(openssl x509 -in "$certificate" -noout -pubkey 2>/dev/null)" = \
                        "$(openssl pkey -in "$key" -pubout 2>/dev/null)" ] &&
                openssl verify -CAfile "$2" -- "$certificate" >/dev/null 2>&1
}

# A new EC P-256 key and certificate, each renamed into place: an interrupted run leaves no half file. The names of the
# pair change one after the other; pki_usable sees a pair that does not match.
pki_make() { # NAME SUBJECT EXTENSIONS OPENSSL-OPTION…
        local name=$1 subject=$2 extensions=$3
        shift 3
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days "$PKI_DAYS" -subj "$subject" \
                -config <(printf '[req]\ndistinguished_name = none\n[none]\n[extensions]\n%s\n' "$extensions") \
                -extensions extensions -keyout "$PKI_DIR/.new.key" -out "$PKI_DIR/.new.crt" "$@" 2>"$LOG_DIR/openssl.log" ||
                { cat -- "$LOG_DIR/openssl.log" >&2 && die "cannot make the certificate $name"; }
        chmod 0644 -- "$PKI_DIR/.new.crt"
        mv -f -- "$PKI_DIR/.new.key" "$PKI_DIR/$name.key"
        mv -f -- "$PKI_DIR/.new.crt" "$PKI_DIR/$name.crt"
}

pki_sha1() { # CERTIFICATE-FILE (or - for standard input): upper-case hex, as the API prints fingerprints
        local -a from=(-in "$1")
        [ "$1" != - ] || from=()
        openssl x509 "${from[@]}" -noout -fingerprint -sha1 | sed -e 's/.*=//' -e 's/://g'
}
