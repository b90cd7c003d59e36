package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

// The means, strongest first.
const (
	meansNamespaces = "namespaces"
	meansBubblewrap = "bubblewrap"
	meansLandlock   = "landlock"
	meansNone       = "none"
)

// backend is the means that this machine offers.
type backend struct {
	means     string
	user, pid bool   // which namespaces, for meansNamespaces
	bwrap     string // path of the program
	bwrapProc bool   // it can mount /proc
	landlock  int
	why       string // what refused the stronger means
}

// retryWeaker is how long a result other than the strongest is believed: it may be due to a moment without memory or
// processes to spare.
const retryWeaker = time.Minute

// detection remembers what was found. It belongs to the machine, not to a host, so that there is one per process.
type detection struct {
	mu    sync.Mutex
	found *backend
	at    time.Time
}

var machine detection

// detected tries the means from the strongest down, by really starting something in each.
func detected(ctx context.Context) *backend {
	machine.mu.Lock()
	defer machine.mu.Unlock()
	if f := machine.found; f == nil || f.means != meansNamespaces && time.Since(machine.at) > retryWeaker {
		found := detect(ctx)
		if ctx.Err() != nil && found.means != meansNamespaces {
			return found // cut short: no result
		}
		machine.found, machine.at = found, time.Now()
	}
	return machine.found
}

func detect(ctx context.Context) *backend {
	version := supervise.LandlockVersion()
	root := os.Geteuid() == 0
	var why string
	for _, b := range []*backend{
		{means: meansNamespaces, user: true, pid: true},
		{means: meansNamespaces, pid: true},
		{means: meansBubblewrap, bwrapProc: true},
		{means: meansBubblewrap},
		{means: meansNamespaces, user: true},
		{means: meansLandlock},
	} {
		b.landlock, b.why = version, why
		if !b.user && b.means == meansNamespaces && !root {
			continue
		}
		if b.means == meansLandlock && version < supervise.LeastLandlock {
			continue
		}
		if b.means == meansBubblewrap {
			var err error
			if b.bwrap, err = exec.LookPath("bwrap"); err != nil {
				continue
			}
		}
		err := b.try(ctx)
		if err == nil {
			return b
		}
		if why == "" {
			why = err.Error()
		}
	}
	return &backend{means: meansNone, landlock: version, why: why}
}

// try starts a supervisor that makes a confinement, reports, and ends.
func (b *backend) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c := &supervise.Confinement{Root: os.Geteuid() == 0, Roots: []Root{{Path: "/tmp"}}}
	l := &launch{
		order: supervise.Order{Argv: []string{"/proc/self/exe"}, Dir: "/", Try: true, Confine: c},
		attr:  plain(),
	}
	if err := b.apply(l); err != nil {
		return err
	}
	spec := Spec{Argv: l.order.Argv, Dir: "/", Policy: Policy{Mode: ReadOnly}, OutputLimit: 4096, Drain: defaultDrain}
	p, err := l.run(ctx, spec)
	if err != nil {
		if u := (*UnenforceableError)(nil); errors.As(err, &u) {
			return errors.New(u.Why)
		}
		return err
	}
	defer p.Close()
	exit, err := p.Wait(ctx)
	if err == nil && exit.Code != 0 {
		text := strings.TrimSpace(string(p.Stdout().Snapshot().Bytes()))
		err = fmt.Errorf("the trial ended with code %d: %.200s", exit.Code, text)
	}
	return err
}

// apply makes a launch use the means.
func (b *backend) apply(l *launch) (err error) {
	c := l.order.Confine
	switch b.means {
	case meansNamespaces:
		c.Namespaces, c.OldProc = true, !b.pid
		l.attr = namespaces(b.user, b.pid, c.Network)
	case meansBubblewrap:
		c.Outer = true
		l.wrap, err = b.bubblewrap(c)
	case meansLandlock:
		c.Landlock = true
	}
	return err
}

// allows tells whether a policy can be enforced in full, or whether its gaps are accepted.
func (b *backend) allows(p Policy) error {
	r := b.report()
	switch {
	case b.means == meansNone:
		return &UnenforceableError{Mode: p.Mode, Why: r.Why, Fix: r.Fix}
	case p.AcceptGaps || len(b.gaps(p.Mode)) == 0:
		return nil
	}
	return &UnenforceableError{Mode: p.Mode, Why: strings.Join(b.gaps(p.Mode), "; "), Fix: r.Fix}
}

func probe(ctx context.Context) Report { return detected(ctx).report() }

func (b *backend) report() Report {
	r := Report{OS: "linux", Backend: b.means, Why: b.why, Layers: b.layers(), Gaps: b.gaps(WorkspaceWrite)}
	r.Enforced = b.means != meansNone && len(r.Gaps) == 0
	r.ReadOnly = b.means != meansNone && len(b.gaps(ReadOnly)) == 0
	if b.means == meansNone && r.Why == "" {
		r.Why = "the kernel offers neither namespaces nor Landlock"
	}
	if !r.Enforced {
		r.Fix = fixFor()
	} else if b.means == meansNamespaces {
		r.Why = ""
	}
	return r
}

func (b *backend) layers() []string {
	if b.means == meansNone {
		return nil
	}
	var out []string
	if b.means != meansLandlock {
		out = append(out, "read-only view of the file system with writable roots (mount namespace)")
		if b.pid || b.means == meansBubblewrap {
			out = append(out, "own process table (process namespace)")
		}
		out = append(out, "no network devices (network namespace)", "own shared memory and queues (IPC namespace)")
	}
	if b.landlock >= supervise.LeastLandlock {
		out = append(out, fmt.Sprintf("Landlock, version %d", b.landlock))
	}
	return append(out, "no new privileges, no capabilities over the system", "system call filter (seccomp)")
}

// gaps are what of a mode is not enforced.
func (b *backend) gaps(mode Mode) (out []string) {
	if b.means == meansLandlock && mode == WorkspaceWrite {
		out = append(out,
			"protected names (.git, .codex, .agents) inside writable roots can be written",
			"modes, owners and times of files outside the writable roots can be changed")
	}
	own := b.pid || b.means == meansBubblewrap
	if !own && b.means != meansNone && b.landlock < supervise.ScopedLandlock {
		out = append(out, "signals can be sent to other processes of the same user")
	}
	return out
}

// fixFor says what to do, for the reasons that occur: a distribution that keeps user namespaces from ordinary programs,
// a container runtime that does, an old kernel.
func fixFor() string {
	if text, err := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); err == nil && strings.TrimSpace(string(text)) == "1" {
		return "install bubblewrap (apt install bubblewrap), or allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	}
	if text, err := os.ReadFile("/proc/sys/kernel/unprivileged_userns_clone"); err == nil && strings.TrimSpace(string(text)) == "0" {
		return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
	}
	if text, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err == nil && strings.TrimSpace(string(text)) == "0" {
		return "allow user namespaces: sysctl user.max_user_namespaces=15000"
	}
	for _, mark := range [...]string{"/.dockerenv", "/run/.containerenv"} {
		if exists(mark) {
			return "let the container make namespaces (docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined), or let the container be the sandbox: sandbox mode external"
		}
	}
	return "use Linux 5.13 or later with user namespaces, or install bubblewrap"
}
