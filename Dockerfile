# syntax=docker/dockerfile:1
# The service alone: it is given a PostgreSQL by DATABASE_URL.
FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock build.rs ./
COPY src src
COPY migrations migrations
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin territoires-industrie && cp target/release/territoires-industrie /

FROM debian:bookworm-slim
COPY --from=build /territoires-industrie /usr/local/bin/
# Whom to believe when the keys of an identity provider are asked for.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Any account but root; it owns nothing, and the service writes no file.
USER 65532:65532
ENV BIND=0.0.0.0:8080 LOG_FORMAT=json
EXPOSE 8080
ENTRYPOINT ["territoires-industrie"]
CMD ["serve"]
