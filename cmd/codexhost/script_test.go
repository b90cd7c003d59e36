package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
	"github.com/codexhost/codexhost/plugins/skill"
)

// The test binary is the host, its plugins, what watches over its commands, an
// MCP server called friend and the plugins greeter, shouter, moaner, complainer
// and talker: real processes, no build step.
func TestMain(m *testing.M) {
	if supervise, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(supervise())
	}
	if role, ok := plugins.Role(os.Args[1:]); ok {
		os.Exit(servePlugin(role))
	}
	testscript.Main(m, map[string]func(){
		"codexhost": main,
		"greeter":   func() { skill.Serve(greeter{}) },
		"moaner": func() {
			os.Stderr.WriteString("nothing is as it was\n")
			skill.Serve(greeter{})
		},
		"complainer": func() { skill.Serve(complainer{}) },
		"shouter":    func() { mcp.Serve(shouter()) },
		"talker":     serveTalker,
		"friend":     func() { mcptest.Main(append([]string{mcptest.Arg}, os.Args[1:]...)) },
	})
}

// The scripts know, beside testscript's own commands:
//
//	status CODE ARGS...        runs codexhost without input; it must exit with CODE
//	shows REGEXP ARGS...       runs codexhost again and again until its output matches
//	host ARGS...               starts codexhost with a pipe on each side
//	send TEXT                  writes a line to it
//	await [-within D] REGEXP   waits for a line of it behind the last one that was
//	                           waited for; named groups become variables
//	never REGEXP               no line so far may match
//	eof                        closes its input
//	signal TERM|INT|KILL       sends it a signal
//	ended CODE [D]             it must have exited within D, with CODE; -1 is a signal
//	kin N                      waits until it has N processes below it, and notes them
//	gone D                     those that were noted must be gone within D
//
// Every line of the host must be a JSON object, or the script fails.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, dir := range []string{"home", "user", "cwd"} {
				if err := os.MkdirAll(e.WorkDir+"/"+dir, 0o700); err != nil {
					return err
				}
			}
			e.Setenv("CODEX_HOME", e.WorkDir+"/home")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv("HOME", e.WorkDir+"/user")
			e.Setenv("OPENAI_API_KEY", "")
			e.Setenv("hello", `{"id":0,"method":"initialize","params":{"clientInfo":{"name":"script","version":"1"},"capabilities":{"experimentalApi":true}}}`)
			e.Values[hostKey{}] = &hostProcess{}
			e.Defer(e.Values[hostKey{}].(*hostProcess).kill)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": runStatus, "shows": runShows, "host": startHost, "send": sendLine, "await": awaitLine, "never": neverLine, "eof": closeInput,
			"signal": sendSignal, "ended": awaitEnd, "kin": noteKin, "gone": awaitGone,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, errors.New("unknown condition " + cond)
		},
	})
}

type hostKey struct{}

// hostProcess is the host of a script.
type hostProcess struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr bytes.Buffer  // read after exited
	exited chan struct{} // closed when the process is gone and its output read
	kin    []process

	mu      sync.Mutex // guards the fields below
	arrived sync.Cond  // signalled with every line, and at the end
	lines   []string
	passed  int    // lines that await has passed
	bad     string // a line that is no message
	ended   bool
}

func hostOf(ts *testscript.TestScript) *hostProcess { return ts.Value(hostKey{}).(*hostProcess) }

// scriptCommand is codexhost as a script runs it.
func scriptCommand(ts *testscript.TestScript, args []string) *exec.Cmd {
	exe := ts.Getenv("PATH")[:strings.IndexByte(ts.Getenv("PATH"), os.PathListSeparator)] + "/codexhost"
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir = ts.MkAbs("cwd")
	for _, name := range []string{"PATH", "HOME", "CODEX_HOME", "TMPDIR", "OPENAI_API_KEY", "CODEXHOST_LOG", "SystemRoot", "GORACE", "GATE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// runShows waits for what another process is about to write down.
func runShows(ts *testscript.TestScript, _ bool, args []string) {
	expr, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		cmd := scriptCommand(ts, args[1:])
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		ts.Check(os.WriteFile(ts.MkAbs("said"), out, 0o600))
		if err == nil && expr.Match(out) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("%q never says %s: %v\n%s", args[1:], args[0], err, out)
		}
	}
}

func runStatus(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := scriptCommand(ts, args[1:])
	cmd.WaitDelay = 5 * time.Second
	stop := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }) // the status then tells
	defer stop.Stop()
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		ts.Fatalf("%v", err)
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), out, 0o600))
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("codexhost %q exits with %d, not %d:\n%s", args[1:], got, want, out)
	}
}

func startHost(ts *testscript.TestScript, _ bool, args []string) {
	h := hostOf(ts)
	if h.cmd != nil {
		<-h.exited
	}
	*h = hostProcess{cmd: scriptCommand(ts, args), exited: make(chan struct{}), kin: h.kin}
	h.arrived.L = &h.mu
	h.cmd.Stderr, h.cmd.WaitDelay = &h.stderr, 5*time.Second
	var err error
	h.in, err = h.cmd.StdinPipe()
	ts.Check(err)
	out, err := h.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(h.cmd.Start())
	go func() { // ends with the process, which kill sees to
		defer close(h.exited)
		h.read(out)
		_ = h.cmd.Wait() // its state tells
	}()
}

// read notes the host's lines until its output ends.
func (h *hostProcess) read(out io.Reader) {
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		h.mu.Lock()
		if err != nil {
			h.ended = true
		}
		if line != "" && err != nil || err == nil && json.Unmarshal([]byte(line), new(map[string]any)) != nil {
			h.bad = line
		}
		if err == nil {
			h.lines = append(h.lines, strings.TrimSuffix(line, "\n"))
		}
		h.arrived.Broadcast()
		h.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (h *hostProcess) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill() // it may have ended
		<-h.exited
	}
}

func sendLine(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: send TEXT; got %q", args)
	}
	_, err := io.WriteString(hostOf(ts).in, args[0]+"\n")
	ts.Check(err)
}

func awaitLine(ts *testscript.TestScript, _ bool, args []string) {
	within := 20 * time.Second
	if args[0] == "-within" {
		var err error
		within, err = time.ParseDuration(args[1])
		ts.Check(err)
		args = args[2:]
	}
	expr, err := regexp.Compile(args[0])
	ts.Check(err)
	h := hostOf(ts)
	deadline := time.Now().Add(within)
	late := time.AfterFunc(within, h.arrived.Broadcast)
	defer late.Stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := h.passed; ; i++ {
		for i >= len(h.lines) {
			if h.ended || !time.Now().Before(deadline) {
				ts.Fatalf("within %v no line matches %s; since the last:\n%s%s", within, args[0], strings.Join(h.lines[h.passed:], "\n"), h.lastWords())
			}
			h.arrived.Wait()
		}
		if m := expr.FindStringSubmatch(h.lines[i]); m != nil {
			h.passed = i + 1
			for g, name := range expr.SubexpNames() {
				if name != "" {
					ts.Setenv(name, m[g])
				}
			}
			return
		}
	}
}

// lastWords is how the host ended, if it has.
func (h *hostProcess) lastWords() string {
	if !h.ended {
		return ""
	}
	<-h.exited
	return "the host has ended: " + h.cmd.ProcessState.String() + "\n" + h.stderr.String()
}

func neverLine(ts *testscript.TestScript, _ bool, args []string) {
	expr, err := regexp.Compile(args[0])
	ts.Check(err)
	h := hostOf(ts)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, line := range h.lines {
		if expr.MatchString(line) {
			ts.Fatalf("the host said %s", line)
		}
	}
}

func closeInput(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(hostOf(ts).in.Close()) }

func sendSignal(ts *testscript.TestScript, _ bool, args []string) {
	s := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill}[args[0]]
	ts.Check(hostOf(ts).cmd.Process.Signal(s))
}

func awaitEnd(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	within := 10 * time.Second
	if len(args) > 1 {
		within, err = time.ParseDuration(args[1])
		ts.Check(err)
	}
	h := hostOf(ts)
	select {
	case <-h.exited:
	case <-time.After(within):
		ts.Fatalf("the host does not end within %v", within)
	}
	if got := h.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("the host exits with %d, not %d: %s", got, want, h.stderr.String())
	}
	if h.bad != "" {
		ts.Fatalf("the host wrote what is no message: %q", h.bad)
	}
	ts.Check(os.WriteFile(ts.MkAbs("heard"), []byte(strings.Join(h.lines, "\n")+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("said"), h.stderr.Bytes(), 0o600))
}

func noteKin(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	h := hostOf(ts)
	for deadline := time.Now().Add(10 * time.Second); ; {
		all, err := processes()
		if err != nil {
			ts.Fatalf("processes cannot be listed here: %v", err)
		}
		h.kin = family(all, h.cmd.Process.Pid)
		if len(h.kin) > want {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the host has not %d processes: %v", want, h.kin)
		}
	}
}

func awaitGone(ts *testscript.TestScript, _ bool, args []string) {
	within, err := time.ParseDuration(args[0])
	ts.Check(err)
	if len(hostOf(ts).kin) == 0 {
		ts.Fatalf("kin was not asked for")
	}
	if left := waitGone(hostOf(ts).kin, within); len(left) > 0 {
		ts.Fatalf("alive after %v: %v", within, left)
	}
}
