#!/usr/bin/env bash
# Builds InfluxDB from its Go module: the real server for tests and benches.
# Prints the path of the binary; once built it stays in the user's cache.
set -euo pipefail

version=2.9.1
binary="${XDG_CACHE_HOME:-$HOME/.cache}/kotahub/influxd-$version/influxd"

if ! "$binary" version >/dev/null 2>&1; then
    need() {
        command -v "$1" >/dev/null && return
        echo "InfluxDB is built from source, and $1 is missing on this machine: $2" >&2
        missing=true
    }
    missing=false
    need go "install Go 1.25.10 or newer (https://go.dev/dl)"
    need cargo "install Rust (https://rustup.rs); the query language of InfluxDB is written in it"
    need cc "install a C compiler (Debian: gcc)"
    need pkg-config "install pkg-config (Debian: pkg-config)"
    if $missing; then exit 1; fi

    cd "$(dirname "${BASH_SOURCE[0]}")"
    mkdir -p "$(dirname "$binary")"
    work=$(mktemp -d "$(dirname "$binary")/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    echo "Building InfluxDB $version (about five minutes, once)" >&2

    # The Rust part names an old toolchain, which rustup would fetch; any current one builds it.
    if [[ -z ${RUSTUP_TOOLCHAIN:-} ]] && command -v rustup >/dev/null; then
        RUSTUP_TOOLCHAIN=$(cd / && rustup show active-toolchain | cut -d ' ' -f 1)
        export RUSTUP_TOOLCHAIN
    fi
    # InfluxDB's own pkg-config, found before the system's, builds the Rust part for cgo.
    go build -o "$work/pkg-config" github.com/influxdata/pkg-config
    PATH="$work:$PATH" go build -trimpath -tags sqlite_foreign_keys,sqlite_json \
        -ldflags "-X main.version=v$version" -o "$work/influxd" \
        github.com/influxdata/influxdb/v2/cmd/influxd
    # Moved when complete, so that an interrupted build is never taken for a binary.
    mv "$work/influxd" "$binary"
fi
echo "$binary"
