#!/bin/sh
# A healthy run must never be called doubtful: fifty runs against an endpoint in a process of its own, on an otherwise
# quiet machine. Prints how many were trusted, and why the others were not.
set -eu
cd "$(dirname "$0")/../.."
program=${PROOFLOAD:-target/release/proofload}
[ -n "${PROOFLOAD:-}" ] || cargo build --release --quiet --bin proofload
folder=$(mktemp -d)
"$program" serve --listen 127.0.0.1:0 --dialect openai >"$folder/served" &
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
for _ in $(seq 100); do grep -qs '^listening on' "$folder/served" && break; sleep 0.05; done
url=$(sed -n 's/^listening on \([^ ]*\).*/\1/p' "$folder/served")
for run in $(seq "${RUNS:-50}"); do
    "$program" run smoke --url "$url" --model gpt-4o --header authorization="Bearer any" --rate 50 --duration 3s \
        --format json --no-out --quiet >"$folder/digest" || { cat "$folder/digest"; exit 1; }
    python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["trust"]; print(t["verdict"], *t["reasons"], sep="; ")' "$folder/digest"
done | sort | uniq -c
