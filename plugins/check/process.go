package check

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/serve"
)

// process is one run of the plugin: started as a host starts it, but with
// nothing in between that would forgive.
type process struct {
	cmd    *exec.Cmd
	dir    string   // for its socket
	stdin  *os.File // held open: its end says that the host is gone
	stderr tail
	dead   chan struct{} // closed when the process has ended
	read   chan struct{} // closed when its output was read to the end
	said   chan string   // the handshake's line, once

	conn    *grpc.ClientConn
	host    *listener
	network string
	address string
	version int // of the contract

	mu    sync.Mutex // guards stray
	stray []string   // the first lines on stdout that are no handshake
}

// start runs the plugin and shakes hands, offering versions. On an error after
// the process began p is returned too; whoever gets p calls end.
func (s *suite) start(ctx context.Context, versions string) (*process, error) {
	p, err := s.spawn(s.handshakeEnv(versions))
	if err != nil {
		return p, err
	}
	timer := time.NewTimer(s.limits.Start)
	defer timer.Stop()
	select {
	case line := <-p.said:
		if err := p.parse(line); err != nil {
			return p, err
		}
	case <-p.read:
		select {
		case line := <-p.said:
			if err := p.parse(line); err != nil {
				return p, err
			}
		default:
			<-p.dead
			return p, fmt.Errorf("it ended (%s) before it had written a handshake%s", p.state(), p.strayWords())
		}
	case <-timer.C:
		return p, fmt.Errorf("no handshake on its stdout within %v%s", s.limits.Start, p.strayWords())
	case <-ctx.Done():
		return p, ctx.Err()
	}
	target := "unix:" + p.address
	if p.network == "tcp" {
		target = "passthrough:///" + p.address
	}
	p.conn, err = grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(serve.MaxMessage), grpc.MaxCallSendMsgSize(serve.MaxMessage)))
	if err != nil {
		return p, fmt.Errorf("connecting to %s: %w", p.address, err)
	}
	p.host = newListener(p.conn, s.target.Settings)
	return p, nil
}

// handshakeEnv is what the host adds to the environment.
func (s *suite) handshakeEnv(versions string) []string {
	cookie := serve.Handshake()
	return []string{
		cookie.MagicCookieKey + "=" + cookie.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=" + versions, "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
	}
}

// spawn starts the process with the few variables that any needs, the target's
// and extra ones.
func (s *suite) spawn(extra []string) (*process, error) {
	dir, err := os.MkdirTemp(s.dir, "p")
	if err != nil {
		return nil, fmt.Errorf("making the plugin's folder: %w", err)
	}
	p := &process{dir: dir, dead: make(chan struct{}), read: make(chan struct{}), said: make(chan string, 1)}
	p.cmd = exec.Command(s.target.Path, s.target.Args...)
	p.cmd.Dir = dir
	p.cmd.Env = append(plugins.Environ(os.Environ(), nil), s.target.Env...)
	p.cmd.Env = append(p.cmd.Env, extra...)
	p.cmd.Env = append(p.cmd.Env, goplugin.EnvUnixSocketDir+"="+dir)
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = 200 * time.Millisecond // grandchildren may hold the pipes
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the plugin's stdin: %w", err)
	}
	defer theirs.Close()
	p.stdin, p.cmd.Stdin = ours, theirs
	outR, outW, err := os.Pipe()
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("making the plugin's stdout: %w", err)
	}
	defer outW.Close()
	p.cmd.Stdout = outW
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		ours.Close()
		outR.Close()
		return nil, fmt.Errorf("starting it: %w", err)
	}
	go func() { // ends with the process's output, which end cuts short
		defer close(p.read)
		p.listen(outR)
	}()
	go func() { // ends with the process, which end sees to
		defer close(p.dead)
		_ = p.cmd.Wait() // its state tells
		_ = outR.SetReadDeadline(time.Now().Add(p.cmd.WaitDelay))
		<-p.read
		outR.Close()
	}()
	return p, nil
}

// listen reads stdout. Before and after the handshake's line nothing belongs there.
func (p *process) listen(out *os.File) {
	shaken := false
	r := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if text := strings.TrimSpace(string(line)); text != "" {
			if !shaken && looksLikeHandshake(text) {
				shaken = true
				p.said <- text
			} else {
				p.mu.Lock()
				if len(p.stray) < 3 {
					p.stray = append(p.stray, text[:min(len(text), 200)])
				}
				p.mu.Unlock()
			}
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func looksLikeHandshake(line string) bool {
	f := strings.Split(line, "|")
	return len(f) >= 4 && f[0] == "1" && (f[2] == "unix" || f[2] == "tcp")
}

// parse takes the handshake apart.
func (p *process) parse(line string) error {
	f := strings.Split(line, "|")
	if len(f) < 5 || f[4] != "grpc" {
		return fmt.Errorf("its handshake %q does not end in |grpc: want CORE|CONTRACT|NETWORK|ADDRESS|grpc", line)
	}
	v, err := strconv.Atoi(f[1])
	if err != nil {
		return fmt.Errorf("the contract's version in its handshake %q is no number", line)
	}
	p.version, p.network, p.address = v, f[2], f[3]
	if len(f) > 5 && f[5] != "" {
		return fmt.Errorf("its handshake carries a certificate that nobody asked for: it must not speak TLS unless PLUGIN_CLIENT_CERT is set")
	}
	return nil
}

func (p *process) strays() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stray
}

func (p *process) strayWords() string {
	if s := p.strays(); len(s) > 0 {
		return fmt.Sprintf("; on its stdout it wrote %q", s)
	}
	return ""
}

// health asks for what the host pings with.
func (p *process) health(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx,
		&grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName}, grpc.WaitForReady(true))
	switch {
	case status.Code(err) == codes.Unimplemented:
		return fmt.Errorf("it does not serve grpc.health.v1.Health, by which the host tells whether it is stuck")
	case status.Code(err) == codes.NotFound:
		return fmt.Errorf("its health service does not know the service %q", goplugin.GRPCServiceName)
	case err != nil:
		return fmt.Errorf("asking for its health: %w", err)
	case r.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return fmt.Errorf("its health is %s, not SERVING", r.GetStatus())
	}
	return nil
}

// shutdown asks the process politely to end. Its answer may be lost with it.
func (p *process) shutdown(ctx context.Context) error {
	err := p.conn.Invoke(ctx, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
	if status.Code(err) == codes.Unimplemented {
		return fmt.Errorf("it does not serve plugin.GRPCController/Shutdown, by which the host asks it to end")
	}
	return nil
}

// awaitEnd waits for the end of the process.
func (p *process) awaitEnd(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p.dead:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

func (p *process) ended() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// state says how the process ended; valid once it has.
func (p *process) state() string { return p.cmd.ProcessState.String() }

// end kills the process and its group, waits, and frees what belongs to it. It
// may be called again.
func (p *process) end() {
	killGroup(p.cmd)
	<-p.dead
	if p.conn != nil {
		p.host.close()
		p.conn.Close()
	}
	p.stdin.Close()
	os.RemoveAll(p.dir)
}

// inPrivateFolder tells whether the socket lies where the host asked for it.
func (p *process) inPrivateFolder() bool {
	if p.network != "unix" || runtime.GOOS == "windows" {
		return true
	}
	rel, err := filepath.Rel(p.dir, p.address)
	return err == nil && filepath.IsLocal(rel)
}

// tail keeps the last lines that were written to it.
type tail struct {
	mu    sync.Mutex
	part  string
	lines []string
}

const tailLines = 8

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part += string(b)
	for {
		line, rest, ok := strings.Cut(t.part, "\n")
		if !ok {
			break
		}
		t.part = rest
		t.add(line)
	}
	if len(t.part) > 4<<10 {
		t.add(t.part)
		t.part = ""
	}
	return len(b), nil
}

func (t *tail) add(line string) {
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r"), "\uFFFD")
	if t.lines = append(t.lines, line[:min(len(line), 300)]); len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

// Lines returns the last lines, oldest first.
func (t *tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append([]string(nil), t.lines...)
	if t.part != "" {
		out = append(out, t.part[:min(len(t.part), 300)])
	}
	return out
}
