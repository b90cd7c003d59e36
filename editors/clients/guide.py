#!/usr/bin/env python3
"""Holds the guide against the host: runs its commands and plays its session. guide.py README HOST"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

guide, host = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
text = guide.read_text(encoding="utf-8")

# The editors are run without a screen, and end when the answer is there, or after a minute.
WRAPPERS = r"""
set -eu
code() {
	local server=$CACHE/code-server/node_modules/code-server/out/node/entry.js
	"$NODE" "$server" "$@" && "$NODE" "$server" --list-extensions
}
make() { echo "make $*: the host is there"; }
node() { "${NODE:-node}" "$@"; }
nvim() {
	case $1 in
	--headless) command nvim "$@" ;;
	*) command nvim --headless -i NONE -n "$@" +'lua
		local function text() return table.concat(vim.api.nvim_buf_get_lines(require("codexhost.chat").buffer(), 0, -1, false), "\n") end
		vim.wait(60000, function() return text():find("You said: Hello", 1, true) end)
		io.stdout:write(text())' +'qall!' ;;
	esac
}
emacs() {
	case $1 in
	--batch) command emacs "$@"; return ;;
	esac
	command emacs --batch --eval '(package-initialize)' "$@" --eval '(with-current-buffer (codexhost--chat)
		(with-timeout (60) (while (not (string-search "You said: Hello" (buffer-string))) (accept-process-output nil 0.01)))
		(princ (buffer-string)) (codexhost-stop))'
}
"""


def fail(what):
    sys.exit(f"not ok - guide: {what}")


def run_commands():
    clone = pathlib.Path("clone")
    (clone / "bin").mkdir(parents=True)
    (clone / "bin/codexhost").symlink_to(host)
    (clone / "LICENSE").symlink_to(guide.parent.parent / "LICENSE")
    shutil.copytree(guide.parent, clone / "editors", ignore=shutil.ignore_patterns("node_modules", "out", "*.vsix"))
    sections = re.findall(r"^### (.*?)\n(.*?)(?=^##)", text, re.M | re.S)
    first = re.search(r"```sh\n(.*?)```", text, re.S).group(1)
    ran = 0
    for title, body in sections:
        for block in re.findall(r"```sh\n(.*?)```", body, re.S):
            for command in [block] if title != "A terminal" else block.splitlines():
                program = re.findall(r"^(\w+)", command, re.M)[-1]
                if program in ("code", "node") and not os.environ.get("NODE"):
                    print("skip - guide: node is too old")
                    continue
                if program == "code" and not pathlib.Path(os.environ["CACHE"], "code-server/ready").exists():
                    print("skip - guide: VS Code is not here: make code-server fetches one")
                    continue
                if program not in ("code", "node") and not shutil.which(program):
                    print(f"skip - guide: {program} is not installed")
                    continue
                done = subprocess.run(["bash", "-c", WRAPPERS + first + command], cwd=clone, timeout=600, text=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                # What the extension answers is a matter of its own suite.
                answered = re.search("^codexhost" if program == "code" else "You said: Hello", done.stdout, re.M)
                if done.returncode != 0 or not answered:
                    fail(f"{title}: status {done.returncode}\n{command}\n{done.stdout}")
                print(f"ok - guide: {title}: {command.splitlines()[-1]}")
                ran += 1
    if ran == 0:
        fail("no command was found")


def agrees(wanted, got):
    """Whether all that is wanted is in what was got: objects may have more members, ids and pieces of text may differ."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(k in got and (k in FREE or agrees(v, got[k])) for k, v in wanted.items())
    return wanted == got


FREE = {"userAgent", "delta"}


# The server of the guide is required, so that a turn waits for it, however slow the machine is.
def play_sessions():
    config = pathlib.Path(os.environ["CODEX_HOME"], "config.toml")
    config.write_text(f"[mcp_servers.asker]\ncommand = {json.dumps(sys.executable)}\nargs = [{json.dumps(str(guide.parent / 'asker.py'))}]\n"
                      "required = true\nstartup_timeout_sec = 60\n", encoding="utf-8")
    sessions = re.findall(r"```jsonl\n(.*?)```", text, re.S)
    for session in sessions:
        play(session.splitlines())
    config.unlink()
    print(f"ok - guide: {len(sessions)} sessions go as they are shown")


def play(lines):
    child = subprocess.Popen([host, "app-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    names = {}  # ids in the guide and in this session
    for line in lines:
        direction, message = line[:2], line[3:]
        for ours, theirs in names.items():
            message = message.replace(ours, theirs)
        wanted = json.loads(message)
        if direction == "->":
            child.stdin.write(message + "\n")
            child.stdin.flush()
            continue
        thread = wanted.get("result", {}).get("thread", {})
        ours = thread.pop("id", None)
        while True:  # other messages may come in between
            answer = child.stdout.readline()
            if not answer:
                fail(f"the host ended before {line}")
            got = json.loads(answer)
            if agrees(wanted, got):
                break
            if got.get("method") == "turn/completed" or "error" in got or got.get("id", "") == wanted.get("id"):
                fail(f"the session has no {line}\nbut {answer}")
        if ours:
            names[ours] = got["result"]["thread"]["id"]
    child.stdin.close()
    if child.wait(timeout=60) != 0:
        fail(f"the host ended with status {child.returncode}")


def compare_lists():
    """What the guide lists of the host is what the host has."""
    source = guide.parent.parent
    listed = set(re.findall(r"`(\w+)`", re.search(r"^- `kind`, of a closed set: (.*?)\.$", text, re.M | re.S).group(1)))
    kinds = set(re.findall(r'Kind = "(\w+)"', (source / "manager/thread/refusal.go").read_text(encoding="utf-8")))
    if listed != kinds:
        fail(f"the kinds of errors are {sorted(kinds)}, the guide has {sorted(listed)}")
    prompts = re.findall(r"^\| `(\w+):", text, re.M)
    grammar = (source / "manager/model/offline_script.go").read_text(encoding="utf-8")
    unknown = [prompt for prompt in prompts if not re.search(rf"^  {prompt}:", grammar, re.M)]
    if unknown or not prompts:
        fail(f"the offline model does not know {unknown}")
    print("ok - guide: kinds of errors and prompts are those of the host")


run_commands()
play_sessions()
compare_lists()
