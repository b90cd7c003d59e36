#!/usr/bin/env bash
# Every short client: an answer, a command that is approved, one that is refused, a turn that fails, a host that dies.
# Then the guide: its commands, VS Code's where one was fetched for its suite, and the sessions that it shows.
set -euo pipefail
host=$1
here=$(cd "$(dirname "$0")" && pwd)
skipped=

# The TypeScript client needs a Node that runs TypeScript; npm has one where the system's is too old.
find_node() {
	local candidate
	for candidate in node "$CACHE/node_modules/.bin/node"; do
		if "$candidate" -e 'process.exit(process.features.typescript ? 0 : 1)' 2>/dev/null; then
			echo "$candidate"
			return
		fi
	done
	command -v npm >/dev/null || return 0
	npm install --silent --no-audit --no-fund --prefix "$CACHE" node@24 >&2 && echo "$CACHE/node_modules/.bin/node"
}

# check NAME WANTED_STATUS WANTED_TEXT STDIN PROMPT: runs "${client[@]}" and holds it against what is wanted.
check() {
	local out status=0
	out=$(printf '%s\n' "$4" | timeout 120 "${client[@]}" "$5" "${program[@]}" 2>&1) || status=$?
	if [ "$status" != "$2" ] || [[ $out != *"$3"* ]]; then
		printf 'not ok - %s: %s\n  wanted status %s and a text with: %s\n  got status %s and:\n%s\n' \
			"$client_name" "$1" "$2" "$3" "$status" "$out"
		exit 1
	fi
	printf 'ok - %s: %s\n' "$client_name" "$1"
}

suite() {
	client_name=$1 && shift
	client=("$@")
	local lines
	lines=$(wc -l <"$here/$client_name")
	[ "$lines" -le 60 ] || { echo "not ok - $client_name has $lines lines, the guide promises 60"; exit 1; }
	program=("$host" app-server)
	check "streams an answer" 0 "one two" "" "say:one two"
	check "runs an approved command" 0 "[completed: /bin/bash -lc 'echo \$((6*7))']
42
the output was 42" y 'exec:echo $((6*7)) ;; say:the output was {{output}}'
	check "refuses a command" 0 "[declined: /bin/bash -lc 'touch refused']" n 'exec:touch refused ;; say:no'
	[ ! -e refused ] || { echo "not ok - $client_name: the refused command ran"; exit 1; }
	check "approves a patch" 0 "patched" y "patch:$client_name.txt hello ;; say:patched"
	[ "$(cat "$client_name.txt")" = hello ] || { echo "not ok - $client_name: the patch was not made"; exit 1; }
	check "shows why a turn failed" 1 "scripted failure" "" "fail:400"
	program=(sh -c 'read -r line; exit 3')
	check "says that the host died" 1 "the host ended with status 3" "" "hello"
}

if command -v python3 >/dev/null; then
	suite client.py python3 "$here/client.py"
else
	echo "skip - client.py: python3 is not installed" && skipped=1
fi
if node=$(find_node) && [ -n "$node" ]; then
	suite client.mts "$node" "$here/client.mts"
else
	echo "skip - client.mts: no Node 23.6 or newer, and no npm to fetch one" && skipped=1
fi
if command -v nvim >/dev/null; then
	for nvim in nvim "$CACHE/current/bin/nvim"; do
		! command -v "$nvim" >/dev/null || suite client.lua "$nvim" --headless -u NONE -i NONE -n -S "$here/client.lua" --
	done
else
	echo "skip - client.lua: nvim is not installed" && skipped=1
fi
if command -v python3 >/dev/null; then
	NODE=${node:-} npm_config_cache=$CACHE/npm npm_config_update_notifier=false python3 "$here/guide.py" "$here/../README.md" "$host"
fi
[ -z "$skipped" ] || exit 77
