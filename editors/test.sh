#!/usr/bin/env bash
# Runs the editors' suites against a real host: test.sh HOST [SUITE...]
#
# A suite is a folder here with a test.sh. It gets HOST, an absolute path, as $1 and runs in an empty folder, with a
# HOME and a CODEX_HOME of its own, SHELL=/bin/bash and no key, so that the offline model answers. It ends with 0, with 77 after
# saying why it was skipped, or with anything else for a failure. CODEXHOST_NO_SKIP=1 makes a skip a failure.
set -euo pipefail

[ $# -ge 1 ] || { echo "usage: $0 HOST [SUITE...]" >&2; exit 2; }
if [ ! -f "$1" ] || [ ! -x "$1" ]; then
	echo "test.sh: $1 is no program" >&2
	exit 2
fi
host=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -eq 0 ]; then
	set -- "$here"/*/test.sh
	set -- "${@%/test.sh}"
	set -- "${@##*/}"
fi

failed=()
for suite in "$@"; do
	printf '\n--- editors/%s\n' "$suite"
	room=$(mktemp -d)
	mkdir -p "$room/home" "$room/codex-home" "$room/work"
	status=0
	(
		cd "$room/work"
		unset OPENAI_API_KEY CODEX_API_KEY XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME
		SHELL=/bin/bash HOME=$room/home CODEX_HOME=$room/codex-home CACHE=${CACHE:-$here/../out/editors} \
			timeout --kill-after=5 "${SUITE_TIMEOUT:-900}" "$here/$suite/test.sh" "$host"
	) || status=$?
	rm -rf "$room"
	case $status in
	0) echo "--- editors/$suite: ok" ;;
	77) echo "--- editors/$suite: SKIPPED, see above"; [ -z "${CODEXHOST_NO_SKIP:-}" ] || failed+=("$suite (skipped)") ;;
	124) echo "--- editors/$suite: FAILED, out of time"; failed+=("$suite") ;;
	*) echo "--- editors/$suite: FAILED with status $status"; failed+=("$suite") ;;
	esac
done
if [ ${#failed[@]} -gt 0 ]; then
	printf '\neditors: failed: %s\n' "${failed[*]}"
	exit 1
fi
