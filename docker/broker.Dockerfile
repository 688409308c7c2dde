# signet-broker, and signetctl for its health check. Build from the top of the tree:
# docker build -f docker/broker.Dockerfile -t signet-broker .
# Package lists and build steps are those of scripts/up.
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/ scripts/
RUN scripts/install-packages build
COPY . .
RUN scripts/build release && DESTDIR=/installed cmake --install build/release --prefix /usr/local --strip

FROM debian:12-slim
COPY scripts/lib/base.sh scripts/lib/packages.sh /opt/signet/scripts/lib/
COPY scripts/install-packages /opt/signet/scripts/
COPY scripts/packages/run-broker.txt /opt/signet/scripts/packages/
RUN /opt/signet/scripts/install-packages run-broker && rm -rf /var/lib/apt/lists/* /opt/signet \
    && groupadd --gid 10001 signet && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
       --shell /usr/sbin/nologin signet \
    && install -d -m 0700 -o signet -g signet /run/signet /var/lib/signet
COPY --from=build /installed/usr/local/bin/signet-broker /installed/usr/local/bin/signetctl /usr/local/bin/
USER 10001:10001
ENV SIGNET_MQTTS_LISTEN=0.0.0.0:8883 SIGNET_RUN_DIR=/run/signet SIGNET_STORE_DIR=/var/lib/signet/mqtt SIGNET_MASTER_KEY_FILE=/run/secrets/master_key
VOLUME /var/lib/signet
EXPOSE 8883
# The control socket answers with what the broker serves; it is there as soon as the broker is.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD signetctl status >/dev/null || exit 1
ENTRYPOINT ["/usr/local/bin/signet-broker"]
