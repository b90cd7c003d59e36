package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	pluginv1 "github.com/codexhost/codexhost/plugins/proto/plugin/v1"
	"github.com/codexhost/codexhost/plugins/serve"
)

// instance is one run of one plugin: a process, the connection to it, and how
// it ended. It is never restarted; another instance takes its place.
type instance struct {
	spec       Spec
	kind       Kind
	generation uint64
	times      Times
	logger     hclog.Logger

	proc    *process
	gp      *goplugin.Client
	release func() // go-plugin's Kill, once: asks the process to end, waits, frees what go-plugin holds
	conn    *grpc.ClientConn
	client  any // the contract's client, as dispensed
	version int // of the contract, as negotiated
	started time.Time
	dir     string        // its private folder
	program stamp         // what it was started from; set by its owner
	content func() string // the checksum of that, empty if the files are others by now; reads them once
	stderr  tail
	spoken  spoken
	calls   calls
	back    callbacks

	mu     sync.Mutex // guards the two below
	cause  *Error     // why we ended it, if we did
	failed *Error     // how it ended; set before ended is closed

	ended chan struct{} // closed when it is gone and failed says why
	swept chan struct{} // closed when nothing of it is left
}

// introduction is how long a plugin that is up may take to say what it is, before
// it serves without having said so. It is one call that needs no thought.
const introduction = time.Second

// launch starts a plugin and returns when it has introduced itself, or failed
// to. ctx ends the attempt. On success the caller owns the instance and ends it
// with stop.
func (h *Host) launch(ctx context.Context, spec Spec, generation uint64) (*instance, error) {
	in := &instance{
		spec: spec, kind: h.kinds[spec.Kind], generation: generation, times: h.times,
		logger: h.logger.Named(spec.Name),
		ended:  make(chan struct{}), swept: make(chan struct{}),
	}
	in.content = sync.OnceValue(func() string {
		if spec.stamp() != in.program {
			return ""
		}
		return spec.content()
	})
	in.calls.init()
	in.spoken.init(h.keep(in))
	in.back.init(spec.Name, in.logger, in.spoken.tell, func() { h.onChanged(spec.Name) }, func() { h.introduced(&spec) })
	if in.times.Start = h.times.Start; spec.StartTimeout > 0 {
		in.times.Start = spec.StartTimeout
	}
	if err := h.prepare(ctx, in); err != nil {
		in.lastWords(err)
		if in.gp != nil && (in.proc.pid() == 0 || isClosed(in.proc.drained)) {
			in.gp.Kill() // nothing runs; this lets go of what it allocated
		}
		in.sweepDir()
		return nil, err
	}
	in.back.begin(pluginv1.NewPluginClient(in.conn), in.welcome(), in.times.Start)
	go in.watch()
	go in.ping()
	ctx, cancel := context.WithTimeout(ctx, introduction)
	defer cancel()
	select {
	case <-in.back.introduced:
	case <-in.proc.dead:
	case <-ctx.Done():
	}
	return in, nil
}

// prepare does the parts of launch that can fail, in order.
func (h *Host) prepare(ctx context.Context, in *instance) error {
	cmd, pinned, err := h.command(in)
	if err != nil {
		return in.refusal(err)
	}
	if pinned != nil {
		defer pinned.Close() // after the start, which runs it
	}
	sp, err := h.spawning()
	if err != nil {
		return err
	}
	in.proc = newProcess(in.logger, cmd, sp, h.times.Drain)
	in.proc.hello.keep = &in.spoken.stdout
	cfg := in.config()
	cfg.GRPCDialOptions = append(cfg.GRPCDialOptions, h.wireOptions(in)...)
	in.gp = goplugin.NewClient(cfg)
	in.release = sync.OnceFunc(in.gp.Kill)
	abort := context.AfterFunc(ctx, in.proc.kill)
	defer abort()
	if err := in.connect(ctx); err != nil {
		in.proc.kill()
		if in.proc.pid() != 0 {
			in.await(in.proc.drained, in.times.Kill)
		}
		if ctx.Err() != nil {
			return in.failure(ReasonStopped, "while it was starting", err)
		}
		if f, ok := errors.AsType[*Error](err); ok {
			return f
		}
		return in.failure(ReasonStart, in.startDetail(err), err)
	}
	return nil
}

// command builds the child's command line, environment and folder. pinned is
// the checked executable, if a checksum is pinned.
func (h *Host) command(in *instance) (cmd *exec.Cmd, pinned *os.File, err error) {
	path, arg0 := in.spec.Path, in.spec.Path
	if path == "" {
		if path, arg0, err = h.ownExecutable(); err != nil {
			return nil, nil, err
		}
	}
	if in.spec.SHA256 != "" {
		if pinned, err = openPinned(path, in.spec.SHA256); err != nil {
			return nil, nil, err
		}
	} else if _, err := os.Stat(path); err != nil {
		return nil, nil, fmt.Errorf("looking for the executable: %w", err)
	}
	run, err := h.run.get()
	if err == nil {
		h.facts.touch() // from here on there is a place for them
		in.dir, err = os.MkdirTemp(run, "p")
	}
	if err != nil {
		if pinned != nil {
			pinned.Close()
		}
		return nil, nil, err
	}
	cmd = exec.Command(path)
	cmd.Args = append([]string{arg0}, in.spec.Args...)
	if pinned != nil {
		runOpen(cmd, pinned)
	}
	cmd.Dir = in.spec.Dir
	if cmd.Dir == "" {
		cmd.Dir = in.dir
	}
	cmd.Env = in.spec.environ(h.environ())
	sig := syscall.SIGKILL
	if in.spec.OwnsProcesses {
		sig = syscall.SIGTERM
	}
	setDeathSignal(cmd, sig)
	return cmd, pinned, nil
}

// ownExecutable returns what to run for a built-in plugin and what to call it.
// When the file was replaced since the host started, as an upgrade does, the
// running one is still to be had on Linux; both sides then speak one version.
func (h *Host) ownExecutable() (path, arg0 string, err error) {
	if h.executable != "" {
		return h.executable, h.executable, nil
	}
	path, err = os.Executable()
	if err != nil {
		return "", "", fmt.Errorf("finding the own executable: %w", err)
	}
	if runtime.GOOS == "linux" {
		const self = "/proc/self/exe"
		running, err1 := os.Stat(self)
		found, err2 := os.Stat(path)
		if err1 == nil && (err2 != nil || !os.SameFile(running, found)) {
			return self, strings.TrimSuffix(path, " (deleted)"), nil
		}
	}
	return path, path, nil
}

// config is fresh for each launch: go-plugin edits it, and uses it once.
func (in *instance) config() *goplugin.ClientConfig {
	stderr := io.MultiWriter(&in.stderr, &in.spoken.pipedErr, logWriter{in.logger})
	return &goplugin.ClientConfig{
		HandshakeConfig:  in.kind.Cookie(),
		VersionedPlugins: in.kind.Sets(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			in.proc.cmd.Env = append(in.proc.cmd.Env, cmd.Env...) // the handshake's variables, and nothing else
			return in.proc, nil
		},
		SkipHostEnv:      true,
		StartTimeout:     in.times.Start,
		Logger:           in.logger,
		Stderr:           io.MultiWriter(&in.stderr, &in.spoken.stderr),
		SyncStdout:       io.MultiWriter(&in.spoken.pipedOut, logWriter{in.logger}),
		SyncStderr:       stderr,
		AutoMTLS:         runtime.GOOS == "windows", // where the transport is TCP; a socket lies in our folder
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: in.dir},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithUnaryInterceptor(in.unary),
			grpc.WithStreamInterceptor(in.stream),
			grpc.WithStaticStreamWindowSize(serve.StreamWindow),
			grpc.WithStaticConnWindowSize(serve.ConnWindow),
		},
	}
}

// connect starts the process, shakes hands and makes the contract's client. It
// returns within the start timeout, twice.
func (in *instance) connect(ctx context.Context) error {
	in.started = time.Now()
	if _, err := in.gp.Start(); err != nil {
		return err
	}
	proto, err := in.gp.Client()
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	g, ok := proto.(*goplugin.GRPCClient)
	if !ok {
		return fmt.Errorf("it does not speak gRPC")
	}
	in.conn = g.Conn
	if in.client, err = proto.Dispense(in.spec.Kind); err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	in.version = in.gp.NegotiatedVersion()
	ctx, cancel := context.WithTimeout(ctx, in.times.Start)
	defer cancel()
	if err := in.check(ctx); err != nil {
		return fmt.Errorf("calling it for the first time: %w", err)
	}
	return nil
}

// check asks the plugin whether it is there.
func (in *instance) check(ctx context.Context) error {
	_, err := grpc_health_v1.NewHealthClient(in.conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	return err
}

// welcome is the first thing that the plugin hears on its stream.
func (in *instance) welcome() *pluginv1.Welcome {
	return &pluginv1.Welcome{Name: in.spec.Name, SettingsJson: in.spec.Settings, Offers: []string{"log", "elicit", "changed"}}
}

// watch waits for the end of the process and puts everything in order after it.
func (in *instance) watch() {
	<-in.proc.dead
	in.await(in.proc.drained, in.times.Drain+in.times.Kill) // what it wrote last is worth the wait
	in.mu.Lock()
	if in.cause != nil {
		in.failed = in.cause
		in.failed.Stderr = in.stderr.Lines()
	} else {
		in.failed = in.failure(ReasonDied, in.proc.exit(), nil)
	}
	in.mu.Unlock()
	close(in.ended)
	in.lastWords(in.err())
	in.release() // closes the connection: calls that still wait for the dead end now
	in.back.close()
	in.sweepDir()
	close(in.swept)
}

// stop ends the instance: politely, then firmly, then by force. It returns when
// the process is gone, or cannot be ended. Each wait is one of Times; all are
// cut short when ctx ends.
func (in *instance) stop(ctx context.Context, cause *Error) {
	in.mu.Lock()
	if in.cause == nil {
		in.cause = cause
	}
	in.mu.Unlock()
	polite := make(chan struct{})
	go func() { // it has no bound of its own; the end of the process is one
		defer close(polite)
		in.release()
	}()
	if !in.awaitOr(ctx, in.times.Polite) {
		in.proc.terminate()
		if !in.awaitOr(ctx, in.times.Term) {
			in.proc.kill()
			if !in.await(in.proc.dead, in.times.Kill) {
				in.logger.Error("plugin cannot be ended", "pid", in.proc.pid())
				return
			}
		}
	}
	<-polite
	<-in.swept
}

// end kills the instance at once, for cause.
func (in *instance) end(cause *Error) {
	in.mu.Lock()
	if in.cause == nil {
		in.cause = cause
	}
	in.mu.Unlock()
	in.proc.kill()
}

func (in *instance) await(ch <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ch:
		return true
	case <-t.C:
		return false
	}
}

// awaitOr waits for the death of the process; false if d passed or ctx ended first.
func (in *instance) awaitOr(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-in.proc.dead:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

// dead tells whether the process is known to be gone.
func (in *instance) dead() bool {
	select {
	case <-in.proc.dead:
		return true
	default:
		return false
	}
}

// err is how the instance ended. Valid once ended is closed.
func (in *instance) err() *Error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.failed
}

func (in *instance) failure(r Reason, detail string, err error) *Error {
	return &Error{
		Plugin: in.spec.Name, Kind: in.spec.Kind, Reason: r, Detail: detail,
		Stderr: in.stderr.Lines(), Err: err,
	}
}

func (in *instance) refusal(err error) *Error {
	detail := err.Error()
	if _, changed := errors.AsType[*errPinned](err); changed {
		detail += "; if it was changed on purpose, " + AcceptHint(in.spec.Name)
	}
	return &Error{Plugin: in.spec.Name, Kind: in.spec.Kind, Reason: ReasonRefused, Detail: detail, Err: err}
}

// startDetail says in words why the plugin did not come up.
func (in *instance) startDetail(err error) string {
	detail := err.Error()
	switch {
	case in.proc.pid() == 0: // not even started: err says it all
	case in.proc.hello.silent() && time.Since(in.started) >= in.times.Start:
		detail = fmt.Sprintf("no handshake within %v", in.times.Start)
	case in.dead() && !in.proc.wasKilled():
		detail = fmt.Sprintf("it ended before it was ready (%s)", in.proc.exit())
	}
	if banner := in.proc.hello.lines(); len(banner) > 0 {
		detail += fmt.Sprintf("; on its stdout it wrote %q", banner)
	}
	return detail
}

func (in *instance) sweepDir() {
	if in.dir != "" {
		if err := os.RemoveAll(in.dir); err != nil {
			in.logger.Warn("plugin's folder stays behind", "dir", filepath.Base(in.dir), "error", err)
		}
	}
}

// lastWords keeps, behind what the plugin said, why it is no more.
func (in *instance) lastWords(err error) {
	in.spoken.flush()
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != ReasonStopped {
		in.spoken.tell("[host] plugin " + e.Reason.words() + ": " + e.Detail)
	}
}

// logWriter turns what a plugin prints after the handshake into log lines.
type logWriter struct{ logger hclog.Logger }

func (w logWriter) Write(p []byte) (int, error) {
	if w.logger.IsDebug() {
		for line := range strings.Lines(string(p)) {
			if line = strings.TrimSpace(line); line != "" {
				w.logger.Debug("plugin wrote", "line", line)
			}
		}
	}
	return len(p), nil
}
