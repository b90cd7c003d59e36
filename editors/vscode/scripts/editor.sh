#!/usr/bin/env bash
# Fetches VS Code for the tests that drive one, from npm: editor.sh DIR. It ends with a line that starts with "skip" and
# status 77 when that cannot be done. Chromium comes from the system (Debian: chromium).
#
# Of the native modules only the database is built, which VS Code's own agents need: the others are for passwords,
# proxies and logs, and would need minutes and Kerberos. Where there is no compiler, there are no agents.
set -euo pipefail
mkdir -p "$1" && dir=$(cd "$1" && pwd)
version=4.139.1
code=$dir/code-server
node=$dir/node_modules/node # with the headers that modules are built with
server=$code/node_modules/code-server/lib/vscode
module=$server/node_modules/@vscode/sqlite3
[ "$(cat "$code/ready" 2>/dev/null)" != "$version" ] || [ ! -e "$module/build/Release/vscode-sqlite3.node" ] || exit 0

skip() {
	echo "skip - vscode in an editor: $1"
	exit 77
}
command -v npm >/dev/null || skip "npm is not installed"
log=$dir/code-server.log
# In the folder itself: npm looks for its settings, such as certificates, where --prefix or another Node point to.
fetch() {
	local where=$1
	shift
	(cd "$where" && timeout 600 npm install --no-audit --no-fund --loglevel=error "$@") >>"$log" 2>&1 ||
		skip "npm could not install code-server: $(grep -m1 'npm error' "$log" || echo "see $log")"
}

if [ "$(cat "$code/ready" 2>/dev/null)" != "$version" ]; then
	echo "vscode: fetching code-server $version into $code"
	rm -rf "$code" "$log" && mkdir -p "$code"
	[ -f "$dir/package.json" ] || echo '{"private":true}' >"$dir/package.json"
	[ -x "$node/bin/node" ] || fetch "$dir" node@24
	echo '{"private":true}' >"$code/package.json"
	fetch "$code" --ignore-scripts "code-server@$version"
	fetch "$server" --ignore-scripts --omit=dev
	echo "$version" >"$code/ready"
fi

echo "vscode: building the database of its own agents"
gyp=$(dirname "$(readlink -f "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js
PATH=$node/bin:$PATH
headers=$node/node_modules/$(node -p '`node-${process.platform}-${process.arch}`')
(cd "$module" && JOBS=max timeout 600 node "$gyp" rebuild --nodedir="$headers") >>"$log" 2>&1 ||
	echo "skip - vscode's own agents: their database could not be built (it needs g++, make and python3), see $log"
