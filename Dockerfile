# docker build -t redraft .
# docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#   -p 127.0.0.1:3000:3000 -v redraft:/data redraft
# docs/operating.md says how to go on from there.

FROM rust:1-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package redraft && install -d -m 700 /empty

# No shell and no package manager: the C library, the certificates of public authorities, and the executable.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /source/target/release/redraft /usr/local/bin/redraft
COPY --from=build --chown=65532:65532 --chmod=700 /empty /data
USER 65532:65532
ENV REDRAFT_DATA=/data REDRAFT_LISTEN=0.0.0.0:3000
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
# Through the socket in the data folder: it needs no token and no other program.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["redraft", "workspace", "list"]
ENTRYPOINT ["redraft"]
CMD ["serve"]
