#!/usr/bin/env bash
# Builds Telegraf, the peer of `make bench`, with only the plugins that the bench uses.
# Prints the path of the binary; once built it stays in the user's cache.
set -euo pipefail

version=1.37.2
binary="${XDG_CACHE_HOME:-$HOME/.cache}/kotahub/telegraf-$version/telegraf"

if [[ ! -x $binary ]]; then
    command -v go >/dev/null || {
        echo "Telegraf is built from source: install Go 1.25 or newer (https://go.dev/dl)." >&2
        exit 1
    }
    cd "$(dirname "${BASH_SOURCE[0]}")"
    mkdir -p "$(dirname "$binary")"
    echo "Building Telegraf $version (a few minutes, once)" >&2
    # Renamed when complete, so that an interrupted build is never taken for a binary.
    go build -trimpath \
        -tags custom,inputs.mqtt_consumer,outputs.influxdb_v2,parsers.json_v2 \
        -ldflags "-X github.com/influxdata/telegraf/internal.Version=$version" \
        -o "$binary.part" github.com/influxdata/telegraf/cmd/telegraf
    mv "$binary.part" "$binary"
fi
echo "$binary"
