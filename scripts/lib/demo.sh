# shellcheck shell=bash
# demo: an instance with two domains, each with its own certificate, and the CA of a device certificate, set through the
# signed API. Looks first and repairs only what is missing, so that whatever a user has changed stays. Needs base.sh, home.sh, pki.sh, ports.sh, PROGRAMS and CONSOLE_DIR.
#
# The first domain's certificate is the default one, so it also carries the names of this machine's loopback: clients
# that connect to 127.0.0.1 or localhost can verify it.
DEMO_DOMAINS=(alpha.signet.example beta.signet.example)
DEMO_DEFAULT=${DEMO_DOMAINS[0]}
HANDSHAKE_SECONDS=10

# With the key of this home, whatever the caller's environment holds.
demo_ctl() { # ARGUMENT…
        env -u ALIBABA_CLOUD_ACCESS_KEY_ID -u ALIBABA_CLOUD_ACCESS_KEY_SECRET "$PROGRAMS/signetctl" "$@" 9>&-
}

# The value of the first `"Name": value` line of signetctl's indented JSON; empty when there is none.
demo_field() { # NAME
        sed -n -E "s/^ *\"$1\": \"?([^\",]*)\"?,?$/\1/p" | head -n 1
}

demo_instance() {
        demo_ctl signet DescribeInstance --MqttInstanceId "$SIGNET_INSTANCE" >/dev/null 2>&1 && return
        step "making the instance $SIGNET_INSTANCE"
        demo_ctl signet CreateInstance --MqttInstanceId "$SIGNET_INSTANCE" --InstanceName signet-demo \
                --Edition platinum >/dev/null
}

demo_pki() { # sets DEMO_REMADE: the domains whose certificate is new
        local domain san
        DEMO_REMADE=" "
        pki_prepare_ca
        for domain in "${DEMO_DOMAINS[@]}"; do
                san=DNS:$domain
                [ "$domain" != "$DEMO_DEFAULT" ] || san+=,DNS:localhost,IP:127.0.0.1
                pki_usable "$domain" "$PKI_DIR/ca.crt" && continue
                pki_make_domain "$domain" "$san"
                DEMO_REMADE+="$domain "
        done
        pki_prepare_device
}

# Maps the demo domains that are not mapped (or whose certificate is new), in one SetSniConfig with everything else that
# is mapped already. Entries with a password cannot be sent again (the API does not tell it): then nothing changes.
demo_mapping() {
        local domain old identifier default missing=no
        local -a entries
        mapfile -t entries < <(demo_entries)
        default=$(demo_page 1 | demo_field DefaultCertificate)
        for domain in "${DEMO_DOMAINS[@]}"; do
                old=$(printf '%s\n' "${entries[@]}" | sed -n "s/^$domain#//p")
                [[ -z $old || $DEMO_REMADE == *" $domain "* ]] || continue
                missing=yes
                identifier=$(demo_certificate "$domain")
                mapfile -t entries < <(printf '%s\n' "${entries[@]}" | grep -v -e "^$domain#" -e '^$' || true)
                entries+=("$domain#$identifier")
                [ "$default" != "$old" ] || default=$identifier
        done
        [ "$missing" = yes ] || return 0
        step "mapping ${DEMO_DOMAINS[*]} (SetSniConfig)"
        (IFS=';' && printf '%s' "${entries[*]}") |
                demo_ctl onsmqtt SetSniConfig --MqttInstanceId "$SIGNET_INSTANCE" --DefaultCertificate "$default" \
                        --SniConfig @- >/dev/null
}

# Registers the demo CA, so that pki/device.crt gets in once the authentication mode is mutual (which it is not by default).
# Not in the way of anything else: an instance of another edition has no CA certificates, and within an account a CA may
# belong to one instance only.
demo_ca() {
        local sn code told
        sn=$(openssl x509 -in "$PKI_DIR/ca.crt" -noout -serial) && sn=${sn#*=}
        demo_ctl onsmqtt GetCaCertificate --MqttInstanceId "$SIGNET_INSTANCE" --Sn "$sn" >/dev/null 2>&1 && return
        step "registering the demo CA (RegisterCaCertificate)"
        if told=$(demo_ctl onsmqtt GetRegisterCode --MqttInstanceId "$SIGNET_INSTANCE" 2>&1); then
                code=$(demo_field RegisterCode <<<"$told")
                pki_make_verification "$code"
                told=$(demo_ctl onsmqtt RegisterCaCertificate --MqttInstanceId "$SIGNET_INSTANCE" --CaName signet-demo \
                        --CaContent "@$PKI_DIR/ca.crt" --VerificationContent "@$PKI_DIR/verification.crt" 2>&1) && return
        fi
        warn "the demo CA is not registered, so pki/device.crt will not get in: $told"
}

demo_page() { # NUMBER: GetSniConfig's answer
        demo_ctl signet GetSniConfig --MqttInstanceId "$SIGNET_INSTANCE" --PageSize 10000 --CurrentPage "$1"
}

# `<domain>#<CertIdentifier>` of everything that is mapped, one a line.
demo_entries() {
        local number=1 page
        while page=$(demo_page "$number" | demo_mapped) && [ -n "$page" ]; do
                printf '%s\n' "$page"
                number=$((number + 1))
        done
}

demo_mapped() { # the same of one page
        sed -n -E 's/^ *"(Domain|CertIdentifier)": "([^"]*)",?$/\1 \2/p' | awk '
                $1 == "Domain" { domain = $2 }
                $1 == "CertIdentifier" { identifier = $2 }
                domain != "" && identifier != "" { print domain "#" identifier; domain = identifier = "" }'
}

# The CertIdentifier of a demo domain's certificate; uploads it unless the API has it.
demo_certificate() { # DOMAIN
        local id sha1
        sha1=$(pki_sha1 "$PKI_DIR/$1.crt")
        id=$(demo_certificate_find "$1" "$sha1")
        if [ -z "$id" ]; then
                step "uploading the certificate of $1"
                id=$(demo_ctl cas UploadUserCertificate --Name "signet-demo-${1%%.*}-${sha1:0:8}" \
                        --Cert "@$PKI_DIR/$1.crt" --Key "@$PKI_DIR/$1.key" | demo_field CertId)
        fi
        printf '%s-cn-hangzhou\n' "$id"
}

# By its fingerprint. A row's fields may come in any order, so both are kept until the row ends.
demo_certificate_find() { # DOMAIN SHA1
        demo_ctl cas ListUserCertificateOrder --OrderType UPLOAD --Keyword "$1" --ShowSize 100 | awk -v sha1="$2" '
                /^ *[{]/ { id = found = "" }
                /"CertificateId":/ { gsub(/[^0-9]/, ""); id = $0 }
                /"Fingerprint":/ && index($0, "\"" sha1 "\"") { found = 1 }
                /^ *[}]/ && found && id != "" { print id; exit }'
}

# What the API says is mapped, and what a real TLS handshake gets.
demo_check() {
        local entries domain mapped served at
        if [[ ,${SIGNET_PROXY_PROTOCOL:-}, == *[,\ ]mqtts[,\ ]* ]]; then
                step "mqtts is behind a balancer, which this is not: no TLS handshake is tried"
                return
        fi
        at=$(port_local "$SIGNET_MQTTS_LISTEN")
        entries=$(demo_entries)
        for domain in "${DEMO_DOMAINS[@]}"; do
                mapped=$(sed -n "s/^$domain#//p" <<<"$entries")
                [ -n "$mapped" ] || die "$domain is not mapped"
                mapped=$(demo_ctl cas GetUserCertificateDetail --CertId "${mapped%%-*}" --CertFilter true |
                        demo_field Fingerprint)
                served=$(demo_served "$at" "$domain") || die "$domain: no TLS handshake on $at"
                [ "$served" = "$mapped" ] || die "$domain: the broker serves another certificate than the API says"
                step "$domain: TLS handshake ok, its own certificate"
        done
}

# In the mode mutual a handshake without a device certificate ends with an alert, but the broker's own has come by then.
demo_served() { # ADDRESS DOMAIN
        { timeout "$HANDSHAKE_SECONDS" openssl s_client -connect "$1" -servername "$2" </dev/null 2>/dev/null || true; } |
                pki_sha1 - 2>/dev/null
}

demo_print() {
        local at key_id mqtt tls console=""
        at=$(port_local "$SIGNET_MQTTS_LISTEN")
        key_id=$(sed -n 's/^ALIBABA_CLOUD_ACCESS_KEY_ID=//p' "$HOME_DIR/credentials.env")
        tls="-h ${at%:*} -p ${at##*:} --cafile \"\$SIGNET_HOME/pki/ca.crt\" -q 1"
        mqtt="$tls -u \"\$(signetctl mqtt-user)\""
        [ -z "$CONSOLE_DIR" ] || console=$'\n'"  console      $SCHEME://$(port_local "$SIGNET_API_LISTEN")/console/   (sign in with the access key)"
        cat <<TEXT
Signet is up.

  API          $SIGNET_ENDPOINT$console
  MQTT, TLS    $SIGNET_MQTTS_LISTEN   (${DEMO_DOMAINS[*]})
  MQTT         ${SIGNET_MQTT_LISTEN:-off}
  WebSocket    ${SIGNET_WS_LISTEN:-off}${SIGNET_WSS_LISTEN:+, TLS: $SIGNET_WSS_LISTEN}   (path ${SIGNET_WS_PATH:-/mqtt})
  instance     $SIGNET_INSTANCE
  access key   $key_id   (its secret: $HOME_DIR/credentials.env)
  logs         $LOG_DIR

To try it, in a shell with these settings

  export PATH=$(printf %q "$PROGRAMS"):\$PATH SIGNET_HOME=$(printf %q "$HOME_DIR") SIGNET_ENDPOINT=$SIGNET_ENDPOINT SIGNET_INSTANCE=$SIGNET_INSTANCE

three commands:

  openssl s_client -connect $at -servername ${DEMO_DOMAINS[1]} -CAfile "\$SIGNET_HOME/pki/ca.crt" -showcerts </dev/null

  mosquitto_sub $mqtt -i GID_demo@@@sub -P "\$(signetctl mqtt-password --client-id GID_demo@@@sub)" -t 'demo/#' -v

  mosquitto_pub $mqtt -i GID_demo@@@pub -P "\$(signetctl mqtt-password --client-id GID_demo@@@pub)" -t demo/hello -m hello

and a device by its certificate alone (docs/device-certificates.md; back with --Mode one-way):

  signetctl signet SetAuthenticationMode --MqttInstanceId $SIGNET_INSTANCE --Mode mutual

  mosquitto_pub $tls --cert "\$SIGNET_HOME/pki/device.crt" --key "\$SIGNET_HOME/pki/device.key" -i GID_demo@@@device-1 -t demo/hello -m hello
TEXT
}
