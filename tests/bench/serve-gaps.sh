#!/bin/sh
# How true `proofload serve` keeps its token gaps: 500 streams at 20 ms and 2,000 at 100 ms, read by a light client on
# the same two cores. Prints how far the gaps are from what was asked, as the client sees them.
set -eu
cd "$(dirname "$0")/../.."
# BUILT=target/debug measures what is there already; the figures that count are those of a release build.
built=${BUILT:-target/release}
[ -n "${BUILT:-}" ] || cargo build --release --quiet --bin proofload --example gaps
fail() {
    echo "error: $1" >&2
    exit 1
}
for needed in "$built/proofload" "$built/examples/gaps"; do
    [ -x "$needed" ] || fail "$needed is not built; without BUILT this script builds what it needs"
done
ulimit -n 8192
folder=$(mktemp -d)
started=""
trap 'for pid in $started; do kill "$pid" 2>/dev/null || true; done; rm -rf "$folder"' EXIT

gaps() {
    streams=$1 gap=$2 tokens=$3
    taskset -c 0,1 "$built"/proofload serve --listen 127.0.0.1:0 --dialect openai --tokens "$tokens" \
        --first-token constant:200ms --token-gap "constant:${gap}ms" >"$folder/serve" &
    started="$started $!"
    while ! grep -qs '^listening on' "$folder/serve"; do
        kill -0 "$!" 2>/dev/null || fail "the server ended before it listened"
        sleep 0.05
    done
    address=$(sed -n 's/^listening on http:\/\/\([^ /]*\).*/\1/p' "$folder/serve")
    taskset -c 0,1 "$built"/examples/gaps "$address" "$streams" "$gap" "$tokens" || fail "the streams did not end"
    kill "$!"
    : >"$folder/serve"
}

gaps 500 20 400
gaps 2000 100 80
