package sandbox

import (
	"context"
	"os"
	"syscall"

	"github.com/codexhost/codexhost/manager/sandbox/supervise"
)

const seatbelt = "/usr/bin/sandbox-exec"

// prepare puts sandbox-exec in front of a confined command. The supervisor itself stays outside of the sandbox.
func prepare(ctx context.Context, spec *Spec) (*launch, error) {
	l := &launch{
		order: supervise.Order{Argv: spec.Argv, Dir: spec.Dir, Env: spec.Env, TTY: spec.TTY, Linger: true},
		attr:  &syscall.SysProcAttr{Setsid: true},
	}
	if !spec.Policy.Mode.Confined() {
		return l, nil
	}
	if r := probe(ctx); !r.Enforced {
		return nil, &UnenforceableError{Mode: spec.Policy.Mode, Why: r.Why, Fix: r.Fix}
	}
	var hidden []Hide
	cwd, _ := realPath(spec.Policy.Cwd)
	for _, path := range spec.Policy.Hidden {
		if real, ok := realPath(path); ok && !within(cwd, real) {
			hidden = append(hidden, Hide{Path: real, Dir: true})
		}
	}
	profile := seatbeltProfile(spec.Policy.Roots(), hidden, spec.Policy.Network)
	program, err := supervise.FindProgram(spec.Argv[0], spec.Dir, spec.Env)
	if err != nil {
		return nil, &StartError{Argv: spec.Argv, Err: err}
	}
	l.order.Linger = false
	l.order.Argv = append([]string{seatbelt, "-p", profile, program}, spec.Argv[1:]...)
	return l, nil
}

func probe(context.Context) Report {
	r := Report{OS: "darwin", Backend: "seatbelt", Enforced: true, ReadOnly: true, Layers: []string{"seatbelt profile: reads, writes, network, signals"}}
	if _, err := os.Stat(seatbelt); err != nil {
		r.Backend, r.Enforced, r.ReadOnly, r.Layers = "none", false, false, nil
		r.Why, r.Fix = seatbelt+" is missing", "it is part of macOS: restore it"
	}
	return r
}
