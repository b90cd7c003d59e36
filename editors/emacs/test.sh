#!/usr/bin/env bash
# Compiles and checks the package, then runs its tests, in the Emacs that is installed. $EMACS names another one; $ONLY
# picks tests by a regular expression; $JSONRPC is a folder with another jsonrpc.el than that of this Emacs.
set -euo pipefail
emacs=${EMACS:-emacs}
if ! command -v "$emacs" >/dev/null; then
	echo "skip - emacs: $emacs is not installed (Debian: emacs-nox)"
	exit 77
fi
here=$(cd "$(dirname "$0")" && pwd)
export HOST=$1 TERM=dumb
"$emacs" --version | head -n 1
batch=("$emacs" -Q --batch ${JSONRPC:+-L "$JSONRPC"} -L "$PWD/package")

mkdir package
cp "$here"/*.el package/
"${batch[@]}" --eval '(setq byte-compile-error-on-warn t)' -f batch-byte-compile package/*.el
words=$("${batch[@]}" --eval '(checkdoc-file "package/codexhost.el")' 2>&1)
if [ -n "$words" ]; then
	printf 'not ok - emacs: checkdoc\n%s\n' "$words"
	exit 1
fi
echo "ok - emacs: compiles and documents itself without a warning"
"${batch[@]}" -l codexhost-tests --eval "(ert-run-tests-batch-and-exit ${ONLY:+\"$ONLY\"})" 2>&1
