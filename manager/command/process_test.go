//go:build unix

package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// patience bounds every wait for something that must come.
const patience = 20 * time.Second

// shell is a request that runs a script unconfined.
func shell(t testing.TB, script string) Request {
	return Request{
		Sandbox: sandbox.Spec{Argv: []string{"sh", "-c", script}, Dir: t.TempDir(), Env: os.Environ(), Policy: sandbox.Policy{Mode: sandbox.FullAccess}},
		Timeout: None, Cap: None,
	}
}

func newTable(t testing.TB) *Table {
	table := NewTable()
	t.Cleanup(table.Close)
	return table
}

func start(t testing.TB, table *Table, r Request) *Process {
	t.Helper()
	p, err := table.Start(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// end waits for the end of a process that has begun.
func end(t testing.TB, p *Process) Result {
	t.Helper()
	within(t, p.Done(), "the process does not end")
	return p.Result()
}

func within(t testing.TB, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(otherwise)
	}
}

// told keeps what a teller hears. Where gate is not nil, it hears nothing before
// that is closed.
type told struct {
	gate chan struct{}

	mu     sync.Mutex
	heard  sync.Cond
	chunks []Chunk
}

func newTold(gate chan struct{}) *told {
	h := &told{gate: gate}
	h.heard.L = &h.mu
	return h
}

func (h *told) Output(ctx context.Context, c Chunk) error {
	if h.gate != nil {
		select {
		case <-h.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.chunks = append(h.chunks, Chunk{c.Stderr, bytes.Clone(c.Data), c.Cut})
	h.heard.Broadcast()
	return nil
}

// text is what was told of a stream, and whether it was cut.
func (h *told) text(stderr bool) (text string, cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.joined(stderr)
}

func (h *told) joined(stderr bool) (text string, cut bool) {
	var b strings.Builder
	for _, c := range h.chunks {
		if c.Stderr == stderr {
			b.Write(c.Data)
			cut = cut || c.Cut
		}
	}
	return b.String(), cut
}

// await waits until a text was told on standard output.
func (h *told) await(t testing.TB, text string) {
	t.Helper()
	late := time.AfterFunc(patience, h.heard.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(patience)
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		all, _ := h.joined(false)
		if strings.Contains(all, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is not told, only %q", text, all)
		}
		h.heard.Wait()
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	type stream struct {
		text string
		cut  bool
	}
	for _, c := range []struct {
		name   string
		script string
		limit  int64
		out    stream
		err    stream
		code   int
	}{
		{"both streams", "echo out; echo err >&2; exit 3", None, stream{"out\n", false}, stream{"err\n", false}, 3},
		{"nothing", "exit 0", None, stream{}, stream{}, 0},
		{"below the cap", "printf abc", 4, stream{"abc", false}, stream{}, 0},
		{"at the cap", "printf abc", 3, stream{"abc", true}, stream{}, 0},
		{"over the cap", "printf abcdef; printf xy >&2", 3, stream{"abc", true}, stream{"xy", false}, 0},
		{"over the cap in pieces", "echo ab; sleep 0.05; echo cd; sleep 0.05; echo ef", 4, stream{"ab\nc", true}, stream{}, 0},
		{"a cap of nothing", "echo abc", 0, stream{"", true}, stream{}, 0},
		{"more than a chunk", "head -c 200000 /dev/zero | tr '\\0' x", None, stream{strings.Repeat("x", 200000), false}, stream{}, 0},
		{"a signal", "kill -15 $$", None, stream{}, stream{}, 128 + 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			table := newTable(t)
			r := shell(t, c.script)
			r.Cap = c.limit
			p := start(t, table, r)
			p.Begin(nil)
			got := end(t, p)
			for _, s := range []struct {
				name string
				got  Kept
				want stream
			}{{"stdout", got.Stdout, c.out}, {"stderr", got.Stderr, c.err}} {
				if string(s.got.Data) != s.want.text || s.got.Cut != s.want.cut {
					t.Errorf("kept of %s: %.80q, cut %v; want %.80q, %v", s.name, s.got.Data, s.got.Cut, s.want.text, s.want.cut)
				}
			}
			if got.Code != c.code || got.Held || got.Err != nil {
				t.Errorf("ended with %d, held %v, %v", got.Code, got.Held, got.Err)
			}

			live := newTold(nil)
			r.Tell = live
			p = start(t, table, r)
			p.Begin(nil)
			got = end(t, p)
			for _, s := range []struct {
				stderr bool
				kept   Kept
				want   stream
			}{{false, got.Stdout, c.out}, {true, got.Stderr, c.err}} {
				text, cut := live.text(s.stderr)
				if text != s.want.text || cut != s.want.cut {
					t.Errorf("told of stderr %v: %.80q, cut %v; want %.80q, %v", s.stderr, text, cut, s.want.text, s.want.cut)
				}
				if len(s.kept.Data) > 0 || s.kept.Cut != s.want.cut {
					t.Errorf("kept of what was told: %.80q, cut %v", s.kept.Data, s.kept.Cut)
				}
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	live := newTold(nil)
	r := shell(t, `stty -echo; stty size; read line; echo "$line" >&2; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.01; done`)
	r.Sandbox.TTY, r.Tell = &sandbox.Size{Cols: 20, Rows: 10}, live
	p := start(t, newTable(t), r)
	p.Begin(nil)
	live.await(t, "10 20\r\n")
	write(t, p, "hello\n", false)
	live.await(t, "hello\r\nready\r\n") // a terminal has one stream
	if err := p.Resize(sandbox.Size{Cols: 7, Rows: 5}); err != nil {
		t.Fatal(err)
	}
	live.await(t, "5 7\r\n")
	if got := end(t, p); got.Code != 4 {
		t.Errorf("ended with %d", got.Code)
	}
}

// Nothing is told before Begin, and the end comes last.
func TestOrder(t *testing.T) {
	t.Parallel()
	live := newTold(nil)
	r := shell(t, "echo a; echo b >&2")
	r.Tell = live
	table := newTable(t)
	p := start(t, table, r)
	within(t, p.running.Exited(), "the command does not end")
	if text, _ := live.text(false); text != "" {
		t.Errorf("told %q to a client that does not know the process yet", text)
	}
	select {
	case <-p.Done():
		t.Error("the end was told before the beginning")
	default:
	}
	ended := make(chan string, 1)
	p.Begin(func(Result) {
		out, _ := live.text(false)
		errs, _ := live.text(true)
		ended <- out + errs
	})
	end(t, p)
	if got := <-ended; got != "a\nb\n" {
		t.Errorf("%q was told before the end", got)
	}
}

// Whoever is told slowly gets all of a stream up to its cap, and holds up no other
// command; his own waits if it has much to say.
func TestSlowTeller(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	gate := make(chan struct{})
	live := newTold(gate)
	r := shell(t, "head -c 1000000 /dev/zero; echo done >&2")
	r.Tell, r.Cap = live, 1<<20
	capped := start(t, table, r)
	capped.Begin(nil)
	flood := newTold(gate)
	r = shell(t, "head -c 50000000 /dev/zero; echo end")
	r.Tell = flood
	uncapped := start(t, table, r)
	uncapped.Begin(nil)
	within(t, capped.running.Gone(), "the command waits for the teller")
	other := start(t, table, shell(t, "echo fine"))
	other.Begin(nil)
	if got := end(t, other); string(got.Stdout.Data) != "fine\n" {
		t.Errorf("another command: %q", got.Stdout.Data)
	}
	close(gate)
	end(t, capped)
	if text, cut := live.text(false); len(text) != 1000000 || cut {
		t.Errorf("told %d bytes of 1000000, cut %v", len(text), cut)
	}
	if got := end(t, uncapped); got.Stdout.Cut || got.Held {
		t.Errorf("a flood was cut (%v) or held up (%v)", got.Stdout.Cut, got.Held)
	}
	if text, _ := flood.text(false); len(text) != 50000004 || !strings.HasSuffix(text, "end\n") {
		t.Errorf("told %d bytes of a flood", len(text))
	}
}

// A command that waits for its teller can be ended, and one that has ended is
// told of to its last byte.
func TestPaced(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	gate := make(chan struct{})
	r := shell(t, "yes")
	r.Tell = newTold(gate)
	p := start(t, table, r)
	p.Begin(nil)
	p.Kill()
	within(t, p.running.Gone(), "a command that waits cannot be killed")

	live := newTold(gate)
	r = shell(t, fmt.Sprintf("head -c %d /dev/zero", pace+60<<10)) // more than is taken in, and the rest fits the pipe
	r.Tell = live
	last := start(t, table, r)
	last.Begin(nil)
	within(t, last.running.Gone(), "the command waits though the pipe has room")
	close(gate)
	end(t, p)
	end(t, last)
	if text, cut := live.text(false); len(text) != pace+60<<10 || cut {
		t.Errorf("told %d bytes of %d, cut %v", len(text), pace+60<<10, cut)
	}
}

// write writes to a process at once.
func write(t testing.TB, p *Process, text string, end bool) *Write {
	t.Helper()
	w, err := p.Write([]byte(text), end)
	if err != nil {
		t.Fatal(err)
	}
	w.Send()
	return w
}

func TestInput(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	r := shell(t, "cat")
	r.Sandbox.Stdin = true
	p := start(t, table, r)
	p.Begin(nil)
	// What is accepted first but sent last comes last, and the end of the input waits for it.
	last, err := p.Write([]byte("last"), true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("late"), false); !errors.Is(err, ErrInputEnded) {
		t.Errorf("writing after the end: %v", err)
	}
	if w, err := p.Write(nil, true); err != nil {
		t.Errorf("ending twice: %v", err)
	} else {
		w.Send()
	}
	last.Send()
	if got := end(t, p); string(got.Stdout.Data) != "last" {
		t.Errorf("got %q", got.Stdout.Data)
	}

	p = start(t, table, shell(t, "cat"))
	p.Begin(nil)
	if _, err := p.Write([]byte("x"), false); !errors.Is(err, ErrNoInput) {
		t.Errorf("writing where there is no input: %v", err)
	}
	if got := end(t, p); got.Code != 0 {
		t.Errorf("a command without input ended with %d", got.Code)
	}
}

// Input that is not read is held up to a bound, and who writes is told to wait.
func TestInputRoom(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	r := shell(t, "read go; cat | wc -c")
	r.Sandbox.Stdin = true
	p := start(t, table, r)
	p.Begin(nil)
	piece := strings.Repeat("x", 1<<20)
	if w := write(t, p, "wait", false); w.Room != nil {
		t.Error("a small write has to wait")
	}
	write(t, p, piece, false)
	w := write(t, p, piece, false)
	if w.Room == nil {
		t.Fatal("nobody is told to wait for a command that does not read")
	}
	for range 3 {
		w = write(t, p, piece, false)
	}
	select {
	case <-w.Room:
		t.Error("there is room though nothing was read")
	default:
	}
	write(t, p, "\n", true)
	within(t, w.Room, "there is no room though everything was read")
	if got := end(t, p); strings.TrimSpace(string(got.Stdout.Data)) != "0" { // read took it all: one line
		t.Errorf("got %q", got.Stdout.Data)
	}

	r = shell(t, "sleep 1000")
	r.Sandbox.Stdin = true
	p = start(t, table, r)
	p.Begin(nil)
	var err error
	for range mostInput>>20 + 1 {
		var more *Write
		if more, err = p.Write([]byte(piece), false); err != nil {
			break
		}
		w = more
		w.Send()
	}
	if !errors.Is(err, ErrInputFull) {
		t.Errorf("writing without end: %v", err)
	}
	p.Kill()
	within(t, w.Room, "the writer of a dead command waits")
	end(t, p)
	if _, err := p.Write([]byte("x"), false); !errors.Is(err, ErrInputEnded) {
		t.Errorf("writing to a dead command: %v", err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	r := shell(t, "sleep 1000")
	r.Name = "a"
	p := start(t, table, r)
	p.Begin(nil)
	if table.Get("a") != p || table.Get("b") != nil {
		t.Error("names lead elsewhere")
	}
	if _, err := table.Start(t.Context(), r); !errors.Is(err, ErrDuplicate) {
		t.Errorf("a second one of the same name: %v", err)
	}
	free := make(chan bool, 1)
	p2 := p
	p.Kill()
	if got := end(t, p2); got.Code != 128+9 {
		t.Errorf("killed, and ended with %d", got.Code)
	}
	r.Sandbox.Argv = []string{"true"}
	p = start(t, table, r)
	p.Begin(func(Result) { free <- table.Get("a") == nil })
	end(t, p)
	if !<-free {
		t.Error("the name is taken when the end is told")
	}
	r.Sandbox.Argv = []string{"/no/such/program"}
	var failed *sandbox.StartError
	for range 2 {
		if _, err := table.Start(t.Context(), r); !errors.As(err, &failed) {
			t.Errorf("starting what is not there: %v", err)
		}
	}
}

// Where too many run, the next one waits, no longer than it is allowed to, and
// gives its name back.
func TestFull(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	for range mostProcesses {
		table.slots <- struct{}{}
	}
	r := shell(t, "true")
	r.Name = "next"
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := table.Start(ctx, r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("starting one too many: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { <-table.slots })
	p := start(t, table, r)
	p.Begin(nil)
	end(t, p)
	if n := len(table.slots); n != mostProcesses-1 {
		t.Errorf("%d places are taken, want %d", n, mostProcesses-1)
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	r := shell(t, "echo early; sleep 1000")
	r.Timeout = 200 * time.Millisecond
	p := start(t, newTable(t), r)
	p.Begin(nil)
	if got := end(t, p); got.Code != 124 || string(got.Stdout.Data) != "early\n" {
		t.Errorf("ended with %d, %q", got.Code, got.Stdout.Data)
	}
}

// What a command leaves behind holds up its end for a moment, and then is killed.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	p := start(t, newTable(t), shell(t, "setsid sleep 1000 & echo $!"))
	p.Begin(nil)
	got := end(t, p)
	if got.Code != 0 || !got.Held {
		t.Errorf("ended with %d, held %v", got.Code, got.Held)
	}
	gone(t, pidIn(t, string(got.Stdout.Data)))
}

func pidIn(t testing.TB, text string) int {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func gone(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is left: %v", pid, err)
	}
}

// Close ends everything, whatever it waits for, and nothing starts afterwards.
func TestClose(t *testing.T) {
	t.Parallel()
	table := NewTable()
	live := newTold(nil)
	r := shell(t, "setsid sleep 1000 & echo $!; sleep 1000")
	r.Tell = live
	p := start(t, table, r)
	p.Begin(nil)
	live.await(t, "\n")
	text, _ := live.text(false)

	stuck := shell(t, "yes")
	stuck.Tell = newTold(make(chan struct{}))
	start(t, table, stuck).Begin(nil)
	start(t, table, shell(t, "yes")) // nobody is told that it began
	var starting sync.WaitGroup
	for range 8 {
		starting.Go(func() {
			if p, err := table.Start(t.Context(), shell(t, "sleep 1000")); err == nil {
				p.Begin(nil)
			}
		})
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		table.Close()
	}()
	within(t, closed, "the table does not close")
	starting.Wait()
	if left := table.any(); left != nil {
		t.Errorf("%v runs in a closed table", left.request.Sandbox.Argv)
	}
	gone(t, pidIn(t, text))
	if _, err := table.Start(t.Context(), shell(t, "true")); !errors.Is(err, ErrClosed) {
		t.Errorf("starting in a closed table: %v", err)
	}
	table.Close()
}

// The end of the client's input ends what nobody can end any more.
func TestEndInput(t *testing.T) {
	t.Parallel()
	const long = time.Hour
	for _, c := range []struct {
		name    string
		ending  Ending
		timeout time.Duration
		script  string
		code    int
		out     string
	}{
		{"at once", Ending{}, long, "sleep 1000", 137, ""},
		{"without a limit of its own", Ending{Limit: long, Silence: long}, None, "sleep 1000", 137, ""},
		{"silent", Ending{Limit: long, Silence: 100 * time.Millisecond}, long, "sleep 1000", 137, ""},
		{"talking", Ending{Limit: long, Silence: 500 * time.Millisecond}, long, "for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo $i; done", 0, "1\n2\n3\n4\n5\n6\n7\n8\n"},
		{"waited for", Ending{Limit: long}, None, "sleep 0.2; echo done", 0, "done\n"},
		{"waited for too long", Ending{Limit: 100 * time.Millisecond}, None, "sleep 1000", 137, ""},
		{"reading", Ending{Limit: long}, None, "cat; echo end", 0, "said\nend\n"},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(c.name+"/"+when+" the start", func(t *testing.T) {
				t.Parallel()
				table := newTable(t)
				r := shell(t, c.script)
				r.Timeout, r.Sandbox.Stdin = c.timeout, true
				if when == "before" && c.name != "reading" {
					table.EndInput(c.ending)
				}
				p := start(t, table, r)
				p.Begin(nil)
				if c.name == "reading" {
					write(t, p, "said\n", false)
				}
				table.EndInput(c.ending)
				if got := end(t, p); got.Code != c.code || string(got.Stdout.Data) != c.out {
					t.Errorf("ended with %d, %q", got.Code, got.Stdout.Data)
				}
				if err := table.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A client that has ended its input and reads nothing does not keep a process.
func TestLastWords(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	r := shell(t, "echo unheard")
	r.Tell = newTold(make(chan struct{}))
	p := start(t, table, r)
	p.Begin(nil)
	within(t, p.running.Gone(), "the command waits for the teller")
	select {
	case <-p.Done():
		t.Error("the end was told before the output")
	default:
	}
	table.EndInput(Ending{Limit: time.Hour, Silence: time.Hour})
	end(t, p)
}

// Wait covers what was told of the end, and gives up with its context.
func TestWait(t *testing.T) {
	t.Parallel()
	table := newTable(t)
	p := start(t, table, shell(t, "sleep 1000"))
	var told bool
	p.Begin(func(Result) { told = true })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := table.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting without patience: %v", err)
	}
	p.Kill()
	if err := table.Wait(t.Context()); err != nil || !told {
		t.Errorf("waiting: %v; the end was told: %v", err, told)
	}
}
