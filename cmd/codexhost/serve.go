package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/command"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/rpc"
)

// closeWait bounds the end of the host: interrupting turns, flushing files,
// stopping plugins, telling the client.
const closeWait = 4 * time.Second

// serveStdio serves one client on in and out until its input ends, the client is
// gone, or ctx ends; then it puts everything in order.
func serveStdio(ctx context.Context, f flags, in, out *os.File, errw io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	m, err := newManager(f, errw)
	if err != nil {
		return err
	}
	if err := m.CheckConfig(ctx); err != nil {
		return err
	}
	log := logger(errw)
	c := rpc.NewConnection(in, out, rpc.Options{Manager: m, Version: version, Log: log.Named("rpc"),
		Ending: func() command.Ending { return f.ending(m, in) }})
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(goneContext(running, c), cancel)()
	served := c.Run(running)
	if running.Err() == nil && f.drains(m) {
		drain(running, m, f, in)
	}
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
	defer done()
	err = errors.Join(m.Close(ending), c.Close(ending))
	if err != nil {
		log.Warn("ending", "error", err)
	}
	if served != nil && running.Err() == nil {
		return fmt.Errorf("serving stdio: %w", served)
	}
	return nil
}

// goneContext ends when the client no longer reads, or with ctx.
func goneContext(ctx context.Context, c *rpc.Connection) context.Context {
	gone, cancel := context.WithCancel(ctx)
	go func() { // ends with ctx, which serveStdio cancels
		defer cancel()
		select {
		case <-c.Gone():
		case <-ctx.Done():
		}
	}()
	return gone
}

// silence is how long a command may say nothing once the input has ended, when
// nobody asked for draining.
const silence = 2 * time.Second

// drain waits for the turns that run. The end of a file, or --on-eof=drain, says
// that there will be no more requests; the end of a pipe may mean that the client
// is gone, and then a command that is silent must not keep the host.
func drain(ctx context.Context, m *manager.Manager, f flags, in *os.File) {
	ctx, cancel := context.WithTimeout(ctx, f.drainLimit)
	defer cancel()
	_ = m.Drain(ctx, f.patience(in)) // what is not done by then is interrupted
}

// patience is how long a command may be silent; zero is for ever.
func (f flags) patience(in *os.File) time.Duration {
	if info, err := in.Stat(); f.onEOF == "drain" || err == nil && info.Mode().IsRegular() {
		return 0
	}
	return silence
}

// ending is how long commands that the client itself started may go on.
func (f flags) ending(m *manager.Manager, in *os.File) command.Ending {
	if !f.drains(m) {
		return command.Ending{}
	}
	return command.Ending{Limit: f.drainLimit, Silence: f.patience(in)}
}

// drains says whether running turns may finish at the end of input.
func (f flags) drains(m *manager.Manager) bool {
	how := f.onEOF
	if how == "" {
		how = m.OnEOF()
	}
	return how == "drain"
}

func (f flags) check() error {
	switch {
	case f.listen != "stdio://" && f.listen != "":
		return errUsage{fmt.Errorf("--listen %s: only stdio:// is served", f.listen)}
	case f.onEOF != "" && f.onEOF != "drain" && f.onEOF != "interrupt" && f.onEOF != "abort":
		return errUsage{fmt.Errorf("--on-eof %s: want drain or interrupt", f.onEOF)}
	case f.profile != "":
		return errUsage{errors.New("--profile only applies to runtime commands, not to app-server; set the keys with -c instead")}
	}
	return nil
}

// newManager wires the services of the process.
func newManager(f flags, errw io.Writer) (*manager.Manager, error) {
	home, err := codexHome()
	if err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("finding the working folder: %w", err)
	}
	settings := f.config
	if f.bypass {
		settings = append(settings[:len(settings):len(settings)], `approval_policy="never"`, `sandbox_mode="danger-full-access"`)
	}
	return manager.New(manager.Options{
		Home: home, Cwd: cwd, Version: version, Source: f.sessionSource, TrustHooks: f.bypassTrust,
		Config: config.New(config.Options{Home: home, Flags: settings, Enable: f.enable, Disable: f.disable, Strict: f.strict}),
		Log:    logger(errw),
	})
}

// codexHome is the folder of configuration and threads. One that CODEX_HOME names
// must be there; the usual one is made when it is missing.
func codexHome() (string, error) {
	if home := os.Getenv("CODEX_HOME"); home != "" {
		real, err := filepath.EvalSymlinks(home)
		if err == nil {
			var info os.FileInfo
			if info, err = os.Stat(real); err == nil && !info.IsDir() {
				err = errors.New("not a folder")
			}
		}
		if err != nil {
			return "", fmt.Errorf("CODEX_HOME points to %q, which cannot be used: %w; create it or unset CODEX_HOME", home, err)
		}
		return filepath.Abs(real)
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home folder: %w; set CODEX_HOME", err)
	}
	home := filepath.Join(user, ".codex")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("creating %s: %w; set CODEX_HOME to another folder", home, err)
	}
	return home, nil
}

func logger(w io.Writer) hclog.Logger {
	level := hclog.LevelFromString(os.Getenv("CODEXHOST_LOG"))
	if level == hclog.NoLevel {
		level = hclog.Warn
	}
	return hclog.New(&hclog.LoggerOptions{Name: "codexhost", Level: level, Output: w})
}
