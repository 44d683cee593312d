# Fanfare in an image with nothing else in it: no shell, no package manager, nobody but an unprivileged user.
#
#   docker build -t fanfare .
#   docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges -p 3000:3000 fanfare

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package fanfare && packaging/root.sh target/release/fanfare /image

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENV FANFARE_LISTEN=0.0.0.0:3000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["/fanfare", "health"]
ENTRYPOINT ["/fanfare"]
