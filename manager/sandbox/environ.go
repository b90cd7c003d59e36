package sandbox

import (
	"slices"
	"strings"

	"github.com/codexhost/codexhost/manager/config"
)

// Origin is where a command comes from, told to it in its environment. Empty fields are left out.
type Origin struct {
	ThreadID   string // CODEX_THREAD_ID
	SessionID  string // CODEX_SESSION_ID
	ToolCallID string // CODEX_TOOL_CALL_ID
	Home       string // CODEX_HOME
	Version    string // CODEX_VERSION
	// NetworkOff says that the policy gives no network (CODEX_SANDBOX_NETWORK_DISABLED).
	NetworkOff bool
	// Seatbelt says that macOS confines the command (CODEX_SANDBOX).
	Seatbelt bool
}

// coreNames are what inherit = "core" keeps.
var coreNames = [...]string{"PATH", "SHELL", "TMPDIR", "TEMP", "TMP", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "USER"}

// secretGlobs are the names that do not reach commands unless the user says so.
var secretGlobs = [...]string{"*KEY*", "*SECRET*", "*TOKEN*", "*PASSWORD*", "*PASSWD*", "*CREDENTIAL*"}

// Environ makes the environment of a command from that of the host ("NAME=value" strings), by the user's
// shell_environment_policy. Variables whose names look like secrets are dropped, unless the user set
// ignore_default_excludes to true, or keepSecrets; a name in the policy's own set table always stays. The result is
// sorted by name and holds each name once.
func Environ(policy config.ShellEnvironment, host []string, keepSecrets bool, origin Origin) []string {
	vars := make(map[string]string, len(host)+16)
	for _, kv := range host {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" || !inherited(policy.Inherit, name) {
			continue
		}
		if matchAny(defaultExcludes(policy, keepSecrets), name) || matchAny(policy.Exclude, name) {
			continue
		}
		vars[name] = value
	}
	for name, value := range policy.Set {
		if name != "" && !strings.ContainsAny(name, "=\x00") {
			vars[name] = value
		}
	}
	if len(policy.IncludeOnly) > 0 {
		for name := range vars {
			if !matchAny(policy.IncludeOnly, name) {
				delete(vars, name)
			}
		}
	}
	origin.add(vars, policy.Set)
	out := make([]string, 0, len(vars))
	for name, value := range vars {
		if !strings.Contains(value, "\x00") {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

func inherited(inherit, name string) bool {
	switch inherit {
	case "none":
		return false
	case "core":
		return slices.ContainsFunc(coreNames[:], func(core string) bool { return strings.EqualFold(core, name) })
	}
	return true
}

func defaultExcludes(policy config.ShellEnvironment, keepSecrets bool) []string {
	switch {
	case policy.DefaultExcludesSet && policy.IgnoreDefaultExcludes:
		return nil
	case keepSecrets && !policy.DefaultExcludesSet:
		return nil
	}
	return secretGlobs[:]
}

// add sets what every command is told: who it runs for, that nobody watches a terminal, and one locale, so that output
// can be read by a program. What the user set by name stays as set, except for the ids.
func (o Origin) add(vars, set map[string]string) {
	for name, value := range map[string]string{
		"NO_COLOR": "1", "PAGER": "cat", "GIT_PAGER": "cat", "GH_PAGER": "cat", "COLORTERM": "", "CODEX_CI": "1",
		"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "LC_CTYPE": "C.UTF-8",
	} {
		if _, chosen := set[name]; !chosen {
			vars[name] = value
		}
	}
	for name, value := range map[string]string{
		"CODEX_THREAD_ID": o.ThreadID, "CODEX_SESSION_ID": o.SessionID, "CODEX_TOOL_CALL_ID": o.ToolCallID,
		"CODEX_HOME": o.Home, "CODEX_VERSION": o.Version,
	} {
		if value != "" {
			vars[name] = value
		}
	}
	if o.NetworkOff {
		vars["CODEX_SANDBOX_NETWORK_DISABLED"] = "1"
	}
	if o.Seatbelt {
		vars["CODEX_SANDBOX"] = "seatbelt"
	}
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if matchGlob(g, name) {
			return true
		}
	}
	return false
}

// matchGlob matches a whole name, whatever its case: * is any run of bytes, ? any one.
func matchGlob(glob, name string) bool {
	star, from := -1, 0
	g, n := 0, 0
	for n < len(name) {
		switch {
		case g < len(glob) && glob[g] == '*':
			star, from = g, n
			g++
		case g < len(glob) && (glob[g] == '?' || lower(glob[g]) == lower(name[n])):
			g++
			n++
		case star >= 0:
			from++
			g, n = star+1, from
		default:
			return false
		}
	}
	for g < len(glob) && glob[g] == '*' {
		g++
	}
	return g == len(glob)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
