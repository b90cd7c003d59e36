package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// UserShell is the path of the shell that the user works with: $SHELL, else what the machine's user list says (a service
// or a CI job often has no SHELL), else bash or sh wherever they are. One that cannot be run is passed over.
func UserShell() string {
	return userShell(os.Getenv("SHELL"), "/etc/passwd", os.Getuid())
}

func userShell(env, passwd string, uid int) string {
	// /bin before the search path: on systems where both are one folder, a command reads the same for everybody.
	for _, name := range []string{env, loginShell(passwd, uid), "/bin/bash", "bash", "/bin/sh", "sh"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return "/bin/sh"
}

// loginShell is what passwd(5) names for a user, "" for none or for one who may not log in.
func loginShell(passwd string, uid int) string {
	list, err := os.ReadFile(passwd)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(list)) {
		field := strings.Split(strings.TrimSpace(line), ":")
		if len(field) < 7 || field[2] != strconv.Itoa(uid) {
			continue
		}
		switch filepath.Base(field[6]) {
		case "nologin", "false", "true", "sync":
			return ""
		}
		return field[6]
	}
	return ""
}
