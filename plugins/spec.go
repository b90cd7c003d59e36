package plugins

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/codexhost/codexhost/plugins/serve"
)

// Kind is one kind of provider; contract packages make them (skill.Contract).
type Kind = serve.Kind

// RoleArg is the hidden first argument with which the own executable is asked
// to be a plugin; the role is the second.
const RoleArg = "__plugin"

// Spec says how to run one plugin.
type Spec struct {
	Name string // unique within the host: letters, digits, '-', '_', '.'; files are named after it
	Kind string // the name of a Kind of the host

	// Path is the executable, absolute; empty means the host's own.
	Path string
	Args []string
	// Sources are further files of the program, absolute, as the script of an
	// interpreter. When one changes, or the executable does, a running plugin is
	// replaced.
	Sources []string
	// Dir is the working directory; empty means the plugin's private folder,
	// which is removed when it ends.
	Dir string
	// Env names variables of the host that the plugin may see, beyond the few
	// that every process needs (baseEnv). A name may end in '*'.
	Env []string
	// Set holds variables with their values; they win over Env.
	Set map[string]string
	// SHA256 pins the executable: 64 hex digits. A file with another content
	// is not run. Empty means unpinned.
	SHA256 string

	// Settings is the plugin's own, a JSON object, which it can ask for; empty
	// means none.
	Settings json.RawMessage

	// StartTimeout bounds the time from the start to the handshake; zero means
	// that of the host's Times.
	StartTimeout time.Duration
	// OwnsProcesses says that the plugin has children, and ends them itself when
	// the host dies: it is then told (end of file, SIGTERM) where another is
	// killed by the kernel at once. Plugins that use Serve of their contract do
	// that without more ado for all that is in their process group.
	OwnsProcesses bool
}

// Builtin is a plugin that is part of the own executable. The executable must
// branch on RoleArg before it does anything else.
func Builtin(name, kind, role string) Spec {
	return Spec{Name: name, Kind: kind, Args: []string{RoleArg, role}}
}

// Role returns the role that the command line asks for, if it does.
// args is the command line without the program's name.
func Role(args []string) (role string, ok bool) {
	if len(args) >= 2 && args[0] == RoleArg {
		return args[1], true
	}
	return "", false
}

func (s *Spec) validate(kinds map[string]Kind) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if _, ok := kinds[s.Kind]; !ok {
		return fmt.Errorf("plugin %s: unknown kind %q", s.Name, s.Kind)
	}
	if s.Path != "" && !filepath.IsAbs(s.Path) {
		return fmt.Errorf("plugin %s: path %q is not absolute", s.Name, s.Path)
	}
	if s.Dir != "" && !filepath.IsAbs(s.Dir) {
		return fmt.Errorf("plugin %s: working directory %q is not absolute", s.Name, s.Dir)
	}
	if s.SHA256 != "" {
		if b, err := hex.DecodeString(s.SHA256); err != nil || len(b) != 32 {
			return fmt.Errorf("plugin %s: checksum %q is not 64 hex digits", s.Name, s.SHA256)
		}
	}
	return nil
}

// CheckName refuses what no plugin can be called.
func CheckName(name string) error {
	if name == "" || name[0] == '.' || strings.ContainsFunc(name, notInName) {
		return fmt.Errorf("plugin name %q: want letters, digits, '-', '_', '.', and no '.' first", name)
	}
	return nil
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.", r)
}

// equal tells whether two specs run the same thing.
func (s *Spec) equal(o *Spec) bool {
	return s.Name == o.Name && s.Kind == o.Kind && s.Path == o.Path && s.Dir == o.Dir &&
		slices.Equal(s.Sources, o.Sources) &&
		slices.Equal(s.Args, o.Args) && slices.Equal(s.Env, o.Env) && maps.Equal(s.Set, o.Set) &&
		strings.EqualFold(s.SHA256, o.SHA256) && bytes.Equal(s.Settings, o.Settings) && s.StartTimeout == o.StartTimeout &&
		s.OwnsProcesses == o.OwnsProcesses
}
