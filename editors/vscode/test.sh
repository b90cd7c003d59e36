#!/usr/bin/env bash
# The extension's suite: types, the model, the session against HOST, and the package in a real editor where there can be one.
set -euo pipefail
host=$1
cd "$(dirname "$0")"
skip() {
	echo "skip - vscode: $1"
	exit 77
}
for need in node npm; do
	command -v $need >/dev/null || skip "$need is not installed"
done
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip "Node 20 or later is needed, $(node --version) is here"
cache=${CACHE:-$PWD/../../out/editors}
export npm_config_cache=$cache/npm npm_config_update_notifier=false
scripts/install.sh || skip "npm could not install what package-lock.json names"

skipped=
if [ -z "${CODE_SERVER:-}" ]; then
	if ! command -v "${CHROMIUM:-chromium}" >/dev/null; then
		echo "skip - vscode in an editor: Chromium is not installed (Debian: chromium; make deps)"
		skipped=1
	elif scripts/editor.sh "$cache"; then
		export CODE_SERVER=$cache/code-server
		[ -e "$CODE_SERVER/node_modules/code-server/lib/vscode/node_modules/@vscode/sqlite3/build/Release/vscode-sqlite3.node" ] || skipped=1
	else
		skipped=1
	fi
fi
if [ -n "${CODE_SERVER:-}" ]; then
	make -C ../.. vsix
	export VSIX=$PWD/../../out/codexhost.vsix SCREENSHOTS=${SCREENSHOTS:-$cache/pictures}
fi
CODEXHOST=$host npm test
[ -z "$skipped" ] || [ -z "${CODEXHOST_NO_SKIP:-}" ]
