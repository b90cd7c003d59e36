#!/usr/bin/env bash
# Fetches the editor for the tests that need one: editor.sh DIR. It builds native modules and takes minutes, once; a
# line that starts with "skip" says what is missing. Chromium comes from the system (Debian: chromium).
set -euo pipefail
mkdir -p "$1" && dir=$(cd "$1" && pwd)
version=4.139.1
[ "$(cat "$dir/ready" 2>/dev/null)" != "$version" ] || exit 0

missing=()
command -v npm >/dev/null || missing+=(npm)
command -v make >/dev/null || missing+=(make)
command -v g++ >/dev/null || missing+=(g++)
command -v python3 >/dev/null || missing+=(python3)
[ -e /usr/include/krb5.h ] || missing+=(libkrb5-dev)
if [ ${#missing[@]} -gt 0 ]; then
	echo "skip - vscode in an editor: not installed: ${missing[*]}"
	exit 77
fi
mkdir -p "$dir/node24"
{
	echo '{"private":true}' | tee "$dir/package.json" >"$dir/node24/package.json"
	npm install --prefix "$dir/node24" --no-audit --no-fund node@24
	# npm runs the scripts of packages with the Node that it runs on itself.
	PATH=$dir/node24/node_modules/.bin:$PATH node "$(readlink -f "$(command -v npm)")" \
		install --prefix "$dir" --no-audit --no-fund "code-server@$version"
} >"$dir/install.log" 2>&1 || { echo "skip - vscode in an editor: npm could not install code-server, see $dir/install.log"; exit 77; }
echo "$version" >"$dir/ready"
