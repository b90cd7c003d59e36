package jsonrpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sleeper is a client's end of the output: it takes nothing while it is asleep.
type sleeper struct {
	mu    sync.Mutex
	awake sync.Cond
	open  bool
	got   bytes.Buffer
}

func newSleeper() *sleeper {
	s := &sleeper{}
	s.awake.L = &s.mu
	return s
}

func (s *sleeper) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.open {
		s.awake.Wait()
	}
	return s.got.Write(b)
}

func (s *sleeper) wake() {
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
	s.awake.Broadcast()
}

// notes decodes notifications: their methods, items and texts.
func notes(t *testing.T, out []byte) (ns []note) {
	t.Helper()
	for line := range bytes.Lines(out) {
		var n note
		if err := json.Unmarshal(line, &n); err != nil {
			t.Fatalf("%v: %.200s", err, line)
		}
		ns = append(ns, n)
	}
	return ns
}

type note struct {
	Method      string
	Params      struct{ Item, Delta string }
	EmittedAtMs int64
}

func (n note) String() string {
	if n.Params.Delta == "" {
		return n.Method
	}
	return n.Params.Item + ":" + n.Params.Delta
}

func delta(item, text string) Delta {
	return Delta{Method: "delta", Head: []byte(`{"item":"` + item + `","delta":`), Text: text}
}

// TestSlowReader streams to a client that sleeps: what waits stays bounded, the streamer waits, nobody else does, and
// afterwards everything arrives in order.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, limit = 200_000, 4 * mib
		client := newSleeper()
		c := NewConn(strings.NewReader(""), client, nil, Options{MaxQueue: limit})
		sent := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ; sent < n; sent++ {
				if err := c.Delta(t.Context(), delta("a", fmt.Sprintf("%08d%052d", sent, 0))); err != nil {
					t.Error(err)
				}
			}
			c.Notify(t.Context(), "completed", nil)
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("the streamer did not wait")
		default:
		}
		if w := c.Waiting(); w <= limit || w > limit+mergeText+mib {
			t.Errorf("%d bytes wait, want a little over %d", w, limit)
		}
		asleep := sent // the streamer is blocked, so it does not change
		c.Reply(IntID(1), "answered without waiting")
		c.Notify(t.Context(), "told without waiting", nil)
		client.wake()
		<-done
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		defer c.Close()
		ns := notes(t, client.got.Bytes())
		text, at := &strings.Builder{}, int64(0)
		joined := 0 // notifications that carry what was sent to the sleeping client
		for i, m := range ns {
			if text.Len() < asleep*60 {
				joined++
			}
			text.WriteString(m.Params.Delta)
			if m.Method != "" && m.EmittedAtMs < at {
				t.Errorf("notification %d is older than the one before it", i)
			}
			at = max(at, m.EmittedAtMs)
		}
		// Up to mergeAbove nothing is joined, beyond it nearly everything is. What the woken client gets is its own affair.
		if most := mergeAbove/60 + 2*asleep*60/mergeText; joined > most {
			t.Errorf("%d pieces sent to a sleeping client came as %d notifications, want at most %d", asleep, joined, most)
		}
		if text.Len() != n*60 || ns[len(ns)-1].Method != "completed" {
			t.Fatalf("%d bytes of text, the last notification is %q", text.Len(), ns[len(ns)-1].Method)
		}
		for i := range n {
			if got := text.String()[i*60 : i*60+8]; got != fmt.Sprintf("%08d", i) {
				t.Fatalf("piece %d is %s", i, got)
			}
		}
	})
}

// TestMerge puts notifications behind a client that sleeps and looks at what they become.
func TestMerge(t *testing.T) {
	long := strings.Repeat("x", mergeText-1)
	for _, c := range []struct {
		name string
		send []any // a Delta, or the method of another notification
		want []string
	}{
		{"neighbours", []any{delta("a", "1"), delta("a", "2"), delta("a", "3")}, []string{"a:123"}},
		{"not across another frame", []any{delta("a", "1"), "b", delta("a", "2")}, []string{"a:1", "b", "a:2"}},
		{"items side by side", []any{delta("a", "1"), delta("b", "2"), delta("a", "3"), delta("b", "4")}, []string{"a:13", "b:24"}},
		{"up to a size", []any{delta("a", long), delta("a", "1"), delta("a", "2")}, []string{"a:" + long + "1", "a:2"}},
		{"other methods", []any{delta("a", "1"), Delta{Method: "m", Head: delta("a", "").Head, Text: "2"}}, []string{"a:1", "a:2"}},
		{"base64", []any{
			Delta{Method: "m", Head: delta("a", "").Head, Text: "\xff", Base64: true},
			Delta{Method: "m", Head: delta("a", "").Head, Text: "\x00", Base64: true},
			Delta{Method: "m", Head: delta("a", "").Head, Text: "1"},
		}, []string{"a:/wA=", "a:1"}},
		{"escapes", []any{delta("a", "é"[:1]), delta("a", "é"[1:]+"\n\"<")}, []string{"a:é\n\"<"}},
		{"frames stay in order", []any{"a", "b", delta("c", "1"), "d", "e"}, []string{"a", "b", "c:1", "d", "e"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newSleeper()
				conn := NewConn(strings.NewReader(""), client, nil, Options{})
				conn.Notify(t.Context(), "pad", strings.Repeat("x", mergeAbove))
				synctest.Wait()
				for _, s := range c.send {
					switch s := s.(type) {
					case Delta:
						if err := conn.Delta(t.Context(), s); err != nil {
							t.Error(err)
						}
					case string:
						conn.Notify(t.Context(), s, nil)
					}
				}
				client.wake()
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				_, rest, _ := bytes.Cut(client.got.Bytes(), []byte("\n"))
				var got []string
				for _, n := range notes(t, rest) {
					got = append(got, n.String())
				}
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("got %.400q, want %.400q", got, c.want)
				}
			})
		})
	}
}

// TestPromptReader gets each delta as it was sent.
func TestPromptReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newSleeper()
		client.wake()
		c := NewConn(strings.NewReader(""), client, nil, Options{})
		for i := range 10_000 {
			if err := c.Delta(t.Context(), delta("a", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			if i%500 == 0 {
				synctest.Wait()
			}
		}
		c.Close()
		ns := notes(t, client.got.Bytes())
		if len(ns) != 10_000 || ns[9_999].Params.Delta != "9999" {
			t.Errorf("%d notifications", len(ns))
		}
	})
}

// TestManyStreams lets eight streams and their completions meet a client that reads in fits.
func TestManyStreams(t *testing.T) {
	const streams, pieces = 8, 4000
	outR, outW := io.Pipe()
	c := NewConn(strings.NewReader(""), outW, nil, Options{MaxQueue: 512 * kib})
	var wg sync.WaitGroup
	for s := range streams {
		wg.Go(func() {
			item := fmt.Sprint(s)
			for i := range pieces {
				if err := c.Delta(t.Context(), delta(item, fmt.Sprintf("%d.%s", i, strings.Repeat(" ", 100)))); err != nil {
					t.Error(err)
				}
				if i%1000 == 999 {
					c.Notify(t.Context(), "mark", map[string]string{"item": item, "delta": ""})
				}
			}
		})
	}
	go func() {
		wg.Wait()
		if err := c.Flush(t.Context()); err != nil { // Close alone would not wait for a reader on a busy machine
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		outW.Close()
	}()
	var texts [streams]strings.Builder
	var marks [streams]int
	lines := bufio.NewReaderSize(outR, mib)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n := notes(t, line)[0]
		s, err := strconv.Atoi(n.Params.Item)
		if err != nil {
			t.Fatal(err)
		}
		if n.Method == "mark" {
			marks[s]++
			if want := fmt.Sprintf("%d.", marks[s]*1000-1); !strings.HasSuffix(strings.TrimRight(texts[s].String(), " "), want) {
				t.Fatalf("mark %d of stream %d came at another place", marks[s], s)
			}
		}
		texts[s].WriteString(n.Params.Delta)
	}
	var want strings.Builder
	for i := range pieces {
		fmt.Fprintf(&want, "%d.%s", i, strings.Repeat(" ", 100))
	}
	for s := range streams {
		if got := texts[s].String(); got != want.String() {
			t.Errorf("stream %d did not arrive as it was sent: %d of %d bytes", s, len(got), want.Len())
		}
	}
}

// TestDeltaGivesUp ends the wait for room by ctx and by Close.
func TestDeltaGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newSleeper()
		c := NewConn(strings.NewReader(""), client, nil, Options{MaxQueue: 1 * kib})
		c.Notify(t.Context(), "pad", strings.Repeat("x", 2*kib))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Delta(ctx, delta("a", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Delta: %v, want the error of its context", err)
		}
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v, want the error of its context", err)
		}
		gone := make(chan error)
		go func() { gone <- c.Delta(context.Background(), delta("a", "1")) }()
		synctest.Wait()
		go c.Close()
		if err := <-gone; !errors.Is(err, ErrClosed) {
			t.Errorf("Delta: %v, want ErrClosed", err)
		}
		client.wake()
	})
}

// TestDeadOutput is a client that closed its end: the writer ends, the owner hears of it, sends are discarded.
func TestDeadOutput(t *testing.T) {
	boom := errors.New("broken pipe")
	inR, inW := io.Pipe()
	h := &echo{}
	c := NewConn(inR, failing{boom}, h, Options{})
	h.c = c
	ended := make(chan error)
	go func() { ended <- c.Run(t.Context()) }()
	fmt.Fprintln(inW, `{"id":1,"method":"x"}`)
	<-c.Done()
	if !errors.Is(c.Err(), boom) {
		t.Errorf("Err: %v", c.Err())
	}
	for range 1000 {
		c.Notify(t.Context(), "x", strings.Repeat("x", 1000))
		c.Reply(IntID(1), 1)
	}
	if w := c.Waiting(); w != 0 {
		t.Errorf("%d bytes are kept for nobody", w)
	}
	if err := c.Delta(t.Context(), delta("a", "1")); !errors.Is(err, boom) {
		t.Errorf("Delta: %v", err)
	}
	if err := c.Flush(t.Context()); !errors.Is(err, boom) {
		t.Errorf("Flush: %v", err)
	}
	if _, err := c.Call(t.Context(), "x", nil); !errors.Is(err, boom) {
		t.Errorf("Call: %v", err)
	}
	inW.Close()
	<-ended
	if err := c.Close(); !errors.Is(err, boom) {
		t.Errorf("Close: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestCloseWaits closes on clients that read late, and on one that never reads.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := newSleeper()
		c := NewConn(strings.NewReader(""), late, nil, Options{CloseWait: time.Second})
		c.Notify(t.Context(), "last words", nil)
		go func() {
			time.Sleep(time.Second / 2)
			late.wake()
		}()
		if err := c.Close(); err != nil || !strings.Contains(late.got.String(), "last words") {
			t.Errorf("Close: %v; the client got %q", err, &late.got)
		}
		c.Notify(t.Context(), "too late", nil)
		c.Reply(IntID(1), 1)
		if _, err := c.Start(t.Context(), "x", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Start: %v, want ErrClosed", err)
		}

		never := newSleeper()
		c = NewConn(strings.NewReader(""), never, nil, Options{CloseWait: time.Second})
		c.Notify(t.Context(), "last words", nil)
		var wg sync.WaitGroup
		start := time.Now()
		for range 3 {
			wg.Go(func() {
				if err := c.Close(); !errors.Is(err, errUnread) {
					t.Errorf("Close: %v", err)
				}
			})
		}
		wg.Wait()
		if d := time.Since(start); d != time.Second {
			t.Errorf("Close took %v", d)
		}
		never.wake() // or the writer would be left behind
	})
}

// TestPipelined writes 20,000 requests and reads nothing until the host stops reading; then all are answered, in order.
func TestPipelined(t *testing.T) {
	const n, limit = 20_000, 256 * kib
	synctest.Test(t, func(t *testing.T) {
		inR, inW := io.Pipe()
		client := newSleeper()
		h := &echo{}
		h.c = NewConn(inR, client, h, Options{MaxQueue: limit})
		ended := make(chan error)
		go func() { ended <- h.c.Run(t.Context()) }()
		wrote := 0
		go func() {
			for i := range n {
				fmt.Fprintf(inW, `{"id":%d,"method":"x","params":{"cursor":%q}}`+"\n", i, strings.Repeat("c", 80))
				wrote = i
			}
			inW.Close()
		}()
		synctest.Wait()
		if w := h.c.Waiting(); wrote >= n-1 || w > limit+2*chunkSize {
			t.Errorf("%d requests taken, %d bytes wait", wrote, w)
		}
		client.wake()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := h.c.Close(); err != nil {
			t.Error(err)
		}
		i := 0
		for line := range bytes.Lines(client.got.Bytes()) {
			if !bytes.HasPrefix(line, fmt.Appendf(nil, `{"id":%d,"result":`, i)) {
				t.Fatalf("answer %d is %s", i, line)
			}
			i++
		}
		if i != n {
			t.Errorf("%d of %d requests were answered", i, n)
		}
	})
}
