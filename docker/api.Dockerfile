# signet-api. Build from the top of the tree: docker build -f docker/api.Dockerfile -t signet-api .
# Package lists and build steps are those of scripts/up.
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/ scripts/
RUN scripts/install-packages build
COPY . .
RUN scripts/build release && DESTDIR=/installed cmake --install build/release --prefix /usr/local --strip

FROM debian:12-slim AS console
WORKDIR /src
COPY scripts/ scripts/
RUN scripts/install-packages node
COPY console/ console/
RUN scripts/build console

FROM debian:12-slim
COPY scripts/lib/base.sh scripts/lib/packages.sh /opt/signet/scripts/lib/
COPY scripts/install-packages /opt/signet/scripts/
COPY scripts/packages/run-api.txt /opt/signet/scripts/packages/
RUN /opt/signet/scripts/install-packages run-api && rm -rf /var/lib/apt/lists/* /opt/signet \
    && groupadd --gid 10001 signet && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
       --shell /usr/sbin/nologin signet \
    && install -d -m 0700 -o signet -g signet /run/signet
COPY --from=build /installed/usr/local/bin/signet-api /usr/local/bin/
COPY --from=console /src/build/console /usr/local/share/signet/console
USER 10001:10001
ENV SIGNET_API_LISTEN=0.0.0.0:8080 SIGNET_CONSOLE_DIR=/usr/local/share/signet/console SIGNET_RUN_DIR=/run/signet SIGNET_MASTER_KEY_FILE=/run/secrets/master_key
EXPOSE 8080
# -k: the certificate of an HTTPS listener carries its public name, not 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD curl -fsSk --max-time 4 "http${SIGNET_API_TLS_CERT:+s}://127.0.0.1:${SIGNET_API_LISTEN##*:}/readyz" || exit 1
ENTRYPOINT ["/usr/local/bin/signet-api"]
