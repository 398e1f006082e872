#!/bin/sh
# How fast `proofload serve` answers whole replies, against a bare hyper server with a static body on the same core.
# Needs wrk and taskset. Prints both rates, the processor time that each request took, and the ratio of the rates, of
# ROUNDS rounds each, taken in turn, and the medians. Where the machine is busy, the processor times say more than the
# rates. DISTINCT=1 sends another body each time; of one that comes again, the endpoint neither parses nor validates it.
set -eu
cd "$(dirname "$0")/../.."
# BUILT=target/debug measures what is there already; the figures that count are those of a release build.
built=${BUILT:-target/release}
[ -n "${BUILT:-}" ] || cargo build --release --quiet --bin proofload --example bare
fail() {
    echo "error: $1" >&2
    exit 1
}
for needed in "$built/proofload" "$built/examples/bare"; do
    [ -x "$needed" ] || fail "$needed is not built; without BUILT this script builds what it needs"
done
folder=$(mktemp -d)
started=""
trap 'for pid in $started; do kill "$pid" 2>/dev/null || true; done; rm -rf "$folder"' EXIT

cat >"$folder/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer bench"
local head = '{"model":"gpt-4o","max_tokens":16,"messages":[{"role":"user","content":"Tell me about the river'
wrk.body = head .. '."}]}'
LUA
[ -z "${DISTINCT:-}" ] || cat >>"$folder/post.lua" <<'LUA'
local number = 0
request = function()
    number = number + 1
    return wrk.format(nil, nil, nil, head .. ' ' .. number .. '."}]}')
end
LUA

# Starts a server on core 0 and prints its address.
start() {
    name=$1
    shift
    taskset -c 0 "$@" >"$folder/$name" &
    started="$started $!"
    while ! grep -qs '^listening on' "$folder/$name"; do
        kill -0 "$!" 2>/dev/null || fail "$name ended before it listened"
        sleep 0.05
    done
    address=$(sed -n 's/^listening on http:\/\/\([^ /]*\).*/\1/p' "$folder/$name")
}

# Processor time of a process so far, in hundredths of a second.
spent() {
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# Loads an address for a while: requests per second, and microseconds of processor time of each.
rate() {
    before=$(spent "$2")
    taskset -c 1 wrk -t1 -c64 -d"${SECONDS_EACH:-5}s" -s "$folder/post.lua" "http://$1/v1/chat/completions" >"$folder/wrk" ||
        fail "wrk could not load the server at $1"
    kill -0 "$2" 2>/dev/null || fail "the server at $1 ended while it was loaded"
    if grep -q 'Non-2xx\|Socket errors' "$folder/wrk"; then cat "$folder/wrk" >&2; exit 1; fi
    count=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$folder/wrk")
    echo "$(sed -n 's/^Requests\/sec: *//p' "$folder/wrk") $((($(spent "$2") - before) * 10000 / count))"
}

start bare "$built"/examples/bare
bare=$address bare_pid=$!
start serve "$built"/proofload serve --listen 127.0.0.1:0 --dialect openai \
    --first-token constant:0s --token-gap constant:0s
serve=$address serve_pid=$!
for round in $(seq "${ROUNDS:-5}"); do
    a=$(rate "$bare" "$bare_pid")
    b=$(rate "$serve" "$serve_pid")
    echo "$round $a $b" | tee -a "$folder/rounds" |
        awk '{ printf "round %s: bare %s/s at %s us, serve %s/s at %s us, ratio of the rates %.2f\n", $1, $2, $3, $4, $5, $4 / $2 }'
done

# The median of what an expression gives for each round.
median() {
    awk "{ print $1 }" "$folder/rounds" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
echo "median: bare $(median '$2')/s at $(median '$3') us, serve $(median '$4')/s at $(median '$5') us, ratio $(median '$4 / $2')"
