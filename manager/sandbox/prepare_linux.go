package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// prepare resolves a policy against the file system and picks the means.
func prepare(ctx context.Context, spec *Spec) (*launch, error) {
	if !spec.Policy.Mode.Confined() {
		return prepareWith(nil, spec)
	}
	return prepareWith(detected(ctx), spec)
}

func prepareWith(b *backend, spec *Spec) (*launch, error) {
	l := &launch{
		order: supervise.Order{Argv: spec.Argv, Dir: spec.Dir, Env: spec.Env, TTY: spec.TTY, Linger: true},
		attr:  plain(),
	}
	if !spec.Policy.Mode.Confined() {
		return l, nil
	}
	if err := b.allows(spec.Policy); err != nil {
		return nil, err
	}
	l.order.Linger = false
	c := &supervise.Confinement{Network: spec.Policy.Network, Root: os.Geteuid() == 0, Roots: spec.Policy.Roots()}
	c.Hidden = findHidden(spec.Policy, c.Roots)
	l.order.Confine = c
	l.drop = func() {}
	if b.means != meansLandlock {
		l.holdMissing(c)
	}
	c.Pins = pins(c.Roots, c.Hidden)
	if err := b.apply(l); err != nil {
		l.drop()
		return nil, &UnenforceableError{Mode: spec.Policy.Mode, Why: err.Error(), Fix: fixFor()}
	}
	return l, nil
}

// holdMissing puts placeholders in place.
func (l *launch) holdMissing(c *supervise.Confinement) {
	for i := range c.Roots {
		r := &c.Roots[i]
		missing := r.Missing
		r.Missing = nil
		for _, path := range missing {
			if f := supervise.HoldPlaceholder(path); f != nil {
				r.Missing = append(r.Missing, path)
				l.holds = append(l.holds, f)
			}
		}
	}
	c.Holds = len(l.holds)
	holds := l.holds
	l.drop = func() {
		for _, f := range holds {
			supervise.DropPlaceholder(f, f.Name())
		}
	}
}

// findHidden keeps the hidden paths that exist, but for those that hold the workspace: a user who works in a key folder
// means it.
func findHidden(p Policy, roots []Root) []Hide {
	var out []Hide
	cwd, _ := realPath(p.Cwd)
	for _, path := range append(controlSockets(), p.Hidden...) {
		real, ok := realPath(path)
		if !ok || real == "/" || within(cwd, real) {
			continue
		}
		var st unix.Stat_t
		if unix.Lstat(real, &st) == nil {
			out = append(out, Hide{Path: real, Dir: st.Mode&unix.S_IFMT == unix.S_IFDIR})
		}
	}
	return out
}

// controlSockets are the sockets of daemons that run things for whoever connects. Without a network no socket can be
// connected anyway; with one these must not be a way out.
func controlSockets() []string {
	out := []string{
		"/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/crio/crio.sock",
		"/run/dbus/system_bus_socket", "/run/systemd/private", "/run/libvirt/libvirt-sock", "/run/snapd.socket",
	}
	run := fmt.Sprintf("/run/user/%d/", os.Getuid())
	for _, name := range [...]string{"bus", "systemd", "docker.sock", "podman", "gnupg", "keyring"} {
		out = append(out, run+name)
	}
	return out
}

// plain starts a supervisor in a session of its own. It learns of the host's end from its socket, unless somebody stopped
// it: the signal sets it going again. The signal comes when the thread that started it ends, which may be long before the
// host does and then changes nothing.
func plain() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGCONT}
}

// namespaces are those of a confined command. User and process ones are not to be had everywhere.
func namespaces(user, pid, network bool) *syscall.SysProcAttr {
	attr := plain()
	attr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWIPC
	if !network {
		attr.Cloneflags |= unix.CLONE_NEWNET
	}
	if pid {
		attr.Cloneflags |= unix.CLONE_NEWPID
	}
	if user {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = idMap("/proc/self/uid_map", os.Geteuid())
		attr.GidMappings = idMap("/proc/self/gid_map", os.Getegid())
		attr.GidMappingsEnableSetgroups = os.Geteuid() == 0
		// Whoever is not the superuser inside loses every right when a program is executed, but for these.
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_KILL}
	}
	return attr
}

// idMap leaves every id what it is: the superuser maps all that exist here, others may map but themselves.
func idMap(file string, id int) []syscall.SysProcIDMap {
	self := []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	if os.Geteuid() != 0 {
		return self
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return self
	}
	var out []syscall.SysProcIDMap
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		var inside, outside, count int
		if n, _ := fmt.Sscan(lines.Text(), &inside, &outside, &count); n == 3 {
			out = append(out, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: count})
		}
	}
	if len(out) == 0 {
		return self
	}
	return out
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
