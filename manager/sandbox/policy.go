package sandbox

import (
	"os"
	"path/filepath"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// Mode is how far a command is confined.
type Mode string

const (
	// ReadOnly lets a command read the file system and write nothing but its own /dev/shm and /dev/null.
	ReadOnly Mode = "read-only"
	// WorkspaceWrite adds the workspace, the writable roots and the temporary folders, less their protected names.
	WorkspaceWrite Mode = "workspace-write"
	// FullAccess confines nothing.
	FullAccess Mode = "danger-full-access"
	// External confines nothing, because the host itself runs in a sandbox that somebody else made.
	External Mode = "external-sandbox"
)

// Confined tells whether the mode asks this package to enforce anything.
func (m Mode) Confined() bool { return m == ReadOnly || m == WorkspaceWrite }

// Policy is what a command may do. The zero value is not valid: a mode must be chosen.
type Policy struct {
	Mode Mode
	// Cwd is the workspace, absolute: writable under WorkspaceWrite. It need not be the folder that a command runs in.
	Cwd string
	// WritableRoots are further absolute folders. Those that do not exist are left out.
	WritableRoots []string
	// Network leaves the network of the host to a confined command. Without it there is none, not even loopback.
	Network bool
	// ExcludeTmpdir and ExcludeSlashTmp keep $TMPDIR of the host and /tmp out of the writable roots.
	ExcludeTmpdir   bool
	ExcludeSlashTmp bool
	// Protected are absolute paths that stay read-only inside writable roots, beside .git, .codex and .agents: the
	// home folder of the host belongs here.
	Protected []string
	// Hidden are absolute paths that a confined command finds empty: see [DefaultHidden].
	Hidden []string
	// AcceptGaps lets a command start where only a part of the policy can be enforced: [Report.Gaps] names what is
	// missing. Without it Start fails there.
	AcceptGaps bool
}

// protectedNames stay read-only at the top of every writable root: what lies there makes programs run things.
var protectedNames = [...]string{".git", ".codex", ".agents"}

// DefaultHidden are the paths that no confined command needs and that are worth stealing: credentials and recorded
// conversations of the host, and the key folders of the user. Either argument may be empty.
func DefaultHidden(home, codexHome string) []string {
	var out []string
	if codexHome != "" {
		for _, n := range [...]string{"auth.json", ".credentials.json", "sessions", "archived_sessions", "history.jsonl", "shell_snapshots"} {
			out = append(out, filepath.Join(codexHome, n))
		}
	}
	if home != "" {
		for _, n := range [...]string{
			".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker/config.json", ".config/gcloud", ".config/gh", ".netrc",
			".git-credentials", ".npmrc", ".pypirc", ".password-store", ".local/share/keyrings",
		} {
			out = append(out, filepath.Join(home, n))
		}
	}
	return out
}

// Root is one folder that a policy makes writable.
type Root = supervise.Root

// Hide is an existing path that a command finds empty.
type Hide = supervise.Hide

// Roots are the writable folders of a policy as they are now, outermost first, without duplicates. Only WorkspaceWrite
// has any.
func (p Policy) Roots() []Root {
	if p.Mode != WorkspaceWrite {
		return nil
	}
	return findRoots(p, os.Getenv("TMPDIR"))
}

// CanWrite tells whether the policy lets a command write to path (absolute), following symbolic links: a path that
// leads out of the writable roots, or to a protected name, is refused. It looks at the file system as it is now.
func (p Policy) CanWrite(path string) bool {
	switch p.Mode {
	case FullAccess, External:
		return true
	case WorkspaceWrite:
		real, ok := realPath(path)
		return ok && writableUnder(p.Roots(), real)
	}
	return false
}
