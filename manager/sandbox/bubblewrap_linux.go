package sandbox

import (
	"fmt"
	"os"
	"slices"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// bubblewrap is the command line that makes the view with bubblewrap, which may be allowed what this program is not. The
// supervisor inside then adds what a process does to itself. Bubblewrap follows links, so that a protected name that is
// one cannot be kept in place.
func (b *backend) bubblewrap(c *supervise.Confinement) ([]string, error) {
	args := []string{b.bwrap, "--die-with-parent", "--unshare-user-try", "--unshare-pid", "--unshare-ipc", "--as-pid-1"}
	if !c.Network {
		args = append(args, "--unshare-net")
	}
	args = append(args, "--ro-bind", "/", "/", "--dev", "/dev")
	if b.bwrapProc {
		args = append(args, "--proc", "/proc")
	}
	type bind struct{ how, path string }
	var binds []bind
	for _, path := range c.Pins {
		binds = append(binds, bind{"--bind", path})
	}
	for _, r := range c.Roots {
		binds = append(binds, bind{"--bind", r.Path})
		for _, path := range r.ReadOnly {
			if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
				return nil, fmt.Errorf("bubblewrap cannot protect the link %s", path)
			}
			binds = append(binds, bind{"--ro-bind", path})
		}
		for _, path := range r.Missing {
			binds = append(binds, bind{"--ro-bind", path})
		}
	}
	for _, h := range c.Hidden {
		if h.Dir {
			binds = append(binds, bind{"--tmpfs", h.Path})
		} else {
			binds = append(binds, bind{"", h.Path})
		}
	}
	slices.SortStableFunc(binds, func(a, b bind) int { return len(a.path) - len(b.path) })
	for _, bd := range binds {
		switch bd.how {
		case "--tmpfs":
			args = append(args, "--tmpfs", bd.path, "--remount-ro", bd.path)
		case "":
			args = append(args, "--ro-bind", "/dev/null", bd.path)
		default:
			args = append(args, bd.how, bd.path, bd.path)
		}
	}
	for _, dir := range [...]string{"sys", "irq", "bus", "sysrq-trigger"} {
		if path := "/proc/" + dir; b.bwrapProc && exists(path) {
			args = append(args, "--ro-bind", path, path)
		}
	}
	return append(args, "--"), nil
}
