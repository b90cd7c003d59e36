package plugins

import (
	"runtime"
	"slices"
	"strings"
)

// baseEnv returns the variables that any program may need to run at all: where
// programs and the home are, the language, the time zone. No key, token or
// address of a service belongs here.
func baseEnv() []string {
	if runtime.GOOS == "windows" {
		return []string{
			"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATH", "PATHEXT", "TEMP", "TMP",
			"USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA",
			"PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
		}
	}
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
		"TMPDIR", "TZ", "TERM", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME",
	}
}

// environ picks from host (NAME=value) what the spec's plugin may see. The
// result is sorted, so that the same environment always looks the same.
func (s *Spec) environ(host []string) []string {
	fold := func(name string) string { return name }
	if runtime.GOOS == "windows" {
		fold = strings.ToUpper
	}
	allowed := func(name string) bool {
		match := func(pattern string) bool {
			pattern = fold(pattern)
			if prefix, ok := strings.CutSuffix(pattern, "*"); ok && prefix != "" {
				return strings.HasPrefix(name, prefix)
			}
			return name == pattern
		}
		return slices.ContainsFunc(baseEnv(), match) || slices.ContainsFunc(s.Env, match)
	}
	vars := make(map[string]string)
	for _, kv := range host {
		name, value, ok := strings.Cut(kv, "=")
		if ok && name != "" && allowed(fold(name)) {
			vars[name] = value
		}
	}
	for name, value := range s.Set {
		vars[name] = value
	}
	out := make([]string, 0, len(vars))
	for name, value := range vars {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	return out
}

// chosenEnv is what the spec's plugin sees beyond what every process does.
func (s *Spec) chosenEnv(host []string) []string {
	base := baseEnv()
	return slices.DeleteFunc(s.environ(host), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		_, set := s.Set[name]
		return !set && slices.Contains(base, name)
	})
}

// Environ picks from host (NAME=value) what a plugin may see that asks for the
// variables in names: those, and the few that every process needs.
func Environ(host, names []string) []string {
	s := Spec{Env: names}
	return s.environ(host)
}
