package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// The test binary is the plugin of these tests: its second argument says how it
// behaves, its third is a file to write to.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "plugin" {
		servePlugin(os.Args[2], os.Args[3])
		return
	}
	os.Exit(m.Run())
}

func servePlugin(how, file string) {
	note := func(text string) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		f.WriteString(text + "\n")
		f.Close()
	}
	opts := []Option{
		Attach(func(Host) { note("attached") }),
		Cleanup(func(context.Context) { note("cleaned") }),
		Grace(time.Minute),
	}
	if how == "hangs" {
		opts = append(opts, Cleanup(func(context.Context) { select {} }), Grace(50*time.Millisecond))
	}
	if how == "reads" { // as a library might, once the plugin works
		opts = append(opts, Attach(func(Host) {
			b, err := io.ReadAll(os.Stdin)
			note(fmt.Sprintf("read %q %v", b, err))
		}))
	}
	Run(Kind{Name: "nothing", Versions: map[int]goplugin.Plugin{1: nothing{}}}, opts...)
}

type nothing struct {
	goplugin.NetRPCUnsupportedPlugin
}

func (nothing) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }
func (nothing) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// started is a plugin that has shaken hands.
type started struct {
	cmd   *exec.Cmd
	stdin io.Closer
	file  string
}

func start(t *testing.T, how string) *started {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "serve") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	s := &started{cmd: exec.CommandContext(ctx, exe, "plugin", how, filepath.Join(dir, "notes")), file: filepath.Join(dir, "notes")}
	cookie := Handshake()
	s.cmd.Env = append(os.Environ(), cookie.MagicCookieKey+"="+cookie.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=1",
		goplugin.EnvUnixSocketDir+"="+dir, "PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000")
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin = in
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "1|1|") || !strings.Contains(line, "|grpc|") {
		t.Fatalf("handshake %q, %v", line, err)
	}
	return s
}

// ended waits for the end, and returns what was noted until then.
func (s *started) ended(t *testing.T) string {
	t.Helper()
	if err := s.cmd.Wait(); err != nil && runtime.GOOS == "windows" {
		t.Errorf("it ended with %v", err)
	} else if err != nil && s.cmd.ProcessState.ExitCode() != -1 { // alone it may end its own group, by force
		t.Errorf("it ended with %v", err)
	}
	b, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEnd(t *testing.T) {
	if s := start(t, "polite"); s.stdin.Close() == nil {
		if got := s.ended(t); got != "attached\ncleaned\n" {
			t.Errorf("without a host: noted %q", got)
		}
	}
	if s := start(t, "hangs"); s.stdin.Close() == nil {
		if got := s.ended(t); got != "attached\ncleaned\n" {
			t.Errorf("a cleanup that hangs: noted %q", got)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	s := start(t, "polite")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := s.ended(t); got != "attached\ncleaned\n" {
		t.Errorf("terminated: noted %q", got)
	}
}

// Whoever reads the standard input gets nothing, and does not take the sign that
// the host is gone.
func TestStdinIsTheHosts(t *testing.T) {
	s := start(t, "reads")
	if _, err := io.WriteString(s.stdin.(io.Writer), "x"); err != nil {
		t.Fatal(err)
	}
	s.stdin.Close()
	if got := s.ended(t); got != "attached\nread \"\" <nil>\ncleaned\n" {
		t.Errorf("noted %q", got)
	}
}
