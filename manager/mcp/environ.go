package mcp

import "path/filepath"

// passedOn lists what a server's process inherits from the host. Everything
// else of the host's environment, keys above all, it sees only when it is named
// in the settings.
func passedOn() []string {
	return []string{
		"HOME", "LOGNAME", "PATH", "SHELL", "USER", "__CF_USER_TEXT_ENCODING", "LANG", "LC_ALL", "TERM", "TMPDIR", "TZ",
		// What a program needs to trust the certificates that the host trusts.
		"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO",
		// Windows, where these are as basic as HOME and PATH are elsewhere.
		"SystemRoot", "SystemDrive", "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "USERDOMAIN", "HOMEDRIVE", "HOMEPATH",
		"APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "TEMP", "TMP", "windir",
	}
}

// childEnv is the whole environment of a server's process: what is passed on,
// then the variables named by the settings, then those given by them.
func childEnv(s *Server, env func(string) (string, bool)) map[string]string {
	out := make(map[string]string, 12+len(s.Env)+len(s.EnvVars))
	take := func(name string) {
		if v, ok := env(name); ok {
			out[name] = v
		}
	}
	for _, name := range passedOn() {
		take(name)
	}
	for _, name := range s.EnvVars {
		take(name)
	}
	for name, v := range s.Env {
		out[name] = v
	}
	return out
}

// workDir is where a server runs: dir, below cwd when relative, or cwd.
func workDir(cwd, dir string) string {
	switch {
	case dir == "":
		return cwd
	case filepath.IsAbs(dir):
		return dir
	}
	return filepath.Join(cwd, dir)
}
