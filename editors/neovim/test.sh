#!/usr/bin/env bash
# The plugin's suite, in the Neovim that is installed and in a current one, where make current-editors could fetch it.
# $NEOVIM names another one instead; $ONLY picks tests by a part of their name.
set -euo pipefail
export HOST=$1
PLUGIN=$(cd "$(dirname "$0")" && pwd)
export PLUGIN
unset NVIM # set inside of a terminal of Neovim

if [ -n "${NEOVIM:-}" ]; then
	editors=("$NEOVIM")
else
	editors=(nvim "$CACHE/current/bin/nvim")
fi
room=$PWD
ran=
for nvim in "${editors[@]}"; do
	if ! command -v "$nvim" >/dev/null; then
		echo "skip - neovim: $nvim is not here (Debian: neovim; a current one: make current-editors)"
		continue
	fi
	ran+=x
	export CODEX_HOME=$room/$ran/codex-home
	mkdir -p "$CODEX_HOME" "$room/$ran/work" && cd "$room/$ran/work"
	"$nvim" --version | head -n 1
	"$nvim" --headless -u NONE -i NONE -n --cmd "set runtimepath^=$PLUGIN" \
		--cmd "runtime plugin/codexhost.lua" -S "$PLUGIN/tests/run.lua" -c "cquit 1" # where the suite itself is broken
done
[ -n "$ran" ] || exit 77
[ ${#ran} = ${#editors[@]} ] || [ -z "${CODEXHOST_NO_SKIP:-}" ] || exit 77
