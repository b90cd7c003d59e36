#!/usr/bin/env bash
# The extension's suite: types, the model, the session against HOST, and the extension in a real editor where there is one.
set -euo pipefail
host=$1
cd "$(dirname "$0")"
for need in node npm; do
	command -v $need >/dev/null || { echo "skip - vscode: $need is not installed"; exit 77; }
done
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
	echo "skip - vscode: Node 20 or later is needed, $(node --version) is here"
	exit 77
fi
export npm_config_cache=${CACHE:-$PWD/out}/npm npm_config_update_notifier=false
# What is installed is what the lock says, unless either has changed since.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --no-audit --no-fund || { echo "skip - vscode: npm could not install what package-lock.json names"; exit 77; }
fi
editor=${CODE_SERVER:-${CACHE:-$PWD/out}/code-server}
if [ -f "$editor/node_modules/code-server/out/node/entry.js" ] && command -v "${CHROMIUM:-chromium}" >/dev/null; then
	export CODE_SERVER=$editor
else
	echo "skip - vscode in an editor: needs Chromium (Debian: chromium) and code-server (scripts/editor.sh $editor)"
	[ -z "${CODEXHOST_NO_SKIP:-}" ] || exit 1
fi
CODEXHOST=$host npm test
