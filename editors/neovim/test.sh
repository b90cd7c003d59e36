#!/usr/bin/env bash
# The plugin's suite, in the Neovim that is installed. $NEOVIM names another one; $ONLY picks tests by a part of their name.
set -euo pipefail
nvim=${NEOVIM:-nvim}
if ! command -v "$nvim" >/dev/null; then
	echo "skip - neovim: $nvim is not installed (Debian: neovim)"
	exit 77
fi
here=$(cd "$(dirname "$0")" && pwd)
export HOST=$1 PLUGIN=$here
unset NVIM # set inside of a terminal of Neovim
"$nvim" --version | head -n 1
exec "$nvim" --headless -u NONE -i NONE -n --cmd "set runtimepath^=$here" \
	--cmd "runtime plugin/codexhost.lua" -S "$here/tests/run.lua"
