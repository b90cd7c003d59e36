#!/usr/bin/env bash
# Compiles and checks the package, then runs its tests, in the Emacs that is installed and in a current one, where
# make current-editors could fetch it. $EMACS names another one instead; $ONLY picks tests by a regular expression;
# $JSONRPC is a folder with another jsonrpc.el than that of this Emacs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export HOST=$1 ASKER=$here/../asker.py TERM=dumb

room=$PWD

# run EMACS FOLDER
run() {
	local batch words
	export CODEX_HOME=$room/$2/codex-home
	mkdir -p "$CODEX_HOME" "$room/$2/package" "$room/$2/work" && cd "$room/$2"
	"$1" --version | head -n 1
	batch=("$1" -Q --batch ${JSONRPC:+-L "$JSONRPC"} -L "$PWD/package" -L "$PWD/package/test")
	cp -r "$here"/*.el "$here"/test package/
	"${batch[@]}" --eval '(setq byte-compile-error-on-warn t)' -f batch-byte-compile package/*.el package/test/*.el
	words=$("${batch[@]}" --eval '(mapc (function checkdoc-file) command-line-args-left)' package/*.el 2>&1)
	if [ -n "$words" ]; then
		printf 'not ok - emacs: checkdoc\n%s\n' "$words"
		exit 1
	fi
	echo "ok - emacs: compiles and documents itself without a warning"
	cd work
	"${batch[@]}" -l codexhost-tests -l codexhost-ask-tests -l codexhost-threads-tests \
		--eval "(ert-run-tests-batch-and-exit ${ONLY:+\"$ONLY\"})" 2>&1
}

if [ -n "${EMACS:-}" ]; then
	editors=("$EMACS")
else
	editors=(emacs "$CACHE/current/bin/emacs")
fi
ran=
for emacs in "${editors[@]}"; do
	if ! command -v "$emacs" >/dev/null; then
		echo "skip - emacs: $emacs is not here (Debian: emacs-nox; a current one: make current-editors)"
		continue
	fi
	ran+=x
	run "$emacs" "$ran"
done
[ -n "$ran" ] || exit 77
[ ${#ran} = ${#editors[@]} ] || [ -z "${CODEXHOST_NO_SKIP:-}" ] || exit 77
