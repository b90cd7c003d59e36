package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/sourcegraph/jsonrpc2"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each request with its params.
type echo struct{ c *Conn }

func (e *echo) Request(_ context.Context, id ID, _ string, params json.RawMessage) {
	e.c.Reply(id, params)
}

func (e *echo) Notification(context.Context, string, json.RawMessage) {}

// openCalls counts what jsonrpc2 keeps of calls of ours.
func openCalls(c *Conn) int {
	return reflect.ValueOf(c.rpc).Elem().FieldByName("pending").Len()
}

// host is a connection whose client is the test.
type host struct {
	*Conn
	in  *json.Encoder
	out *json.Decoder
	end func()
}

func newHost(t *testing.T, h Handler, o Options) *host {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := NewConn(inR, outW, h, o)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context()) }()
	x := &host{Conn: c, in: json.NewEncoder(inW), out: json.NewDecoder(outR)}
	x.end = func() {
		inW.Close()
		<-ended
		outR.Close()
		c.Close()
	}
	return x
}

type wire struct {
	ID     *int            `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

func (x *host) read(t *testing.T) (m wire) {
	t.Helper()
	if err := x.out.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestCancelledCalls forgets calls in every way; none stays behind, late answers hurt nobody, numbers go on.
func TestCancelledCalls(t *testing.T) {
	x := newHost(t, &echo{}, Options{})
	defer x.end()
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		p, err := x.Start(ctx, "ask", map[string]int{"n": i})
		if err != nil || p.ID() != IntID(int64(i)) {
			t.Fatalf("call %d: id %s, %v", i, p.ID(), err)
		}
		if m := x.read(t); m.ID == nil || *m.ID != i || string(m.Params) != fmt.Sprintf(`{"n":%d}`, i) {
			t.Fatalf("call %d on the wire: %+v", i, m)
		}
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("call %d: %v, want cancelled", i, err)
			}
		})
		if i%2 == 0 {
			cancel()
		} else {
			p.Cancel()
			p.Cancel()
		}
		wait.Wait()
		cancel()
		x.in.Encode(wire{ID: &i, Result: json.RawMessage(`"late"`)})
	}
	// An answer goes through jsonrpc2 behind everything before it.
	n := 100
	done := make(chan struct{})
	go func() {
		defer close(done)
		if r, err := x.Call(t.Context(), "ask", nil); err != nil || string(r) != `"on time"` {
			t.Errorf("the call behind: %s, %v", r, err)
		}
	}()
	if m := x.read(t); *m.ID != n {
		t.Errorf("the call behind has id %d", *m.ID)
	}
	x.in.Encode(wire{ID: &n, Result: json.RawMessage(`"on time"`)})
	<-done
	if open := openCalls(x.Conn); open != 0 {
		t.Errorf("%d calls are kept for ever", open)
	}
}

// TestEndedInput fails calls when nobody can answer any more; replies still go out.
func TestEndedInput(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := NewConn(inR, outW, &echo{}, Options{})
	p, err := c.Start(t.Context(), "ask", nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := p.Wait(t.Context())
		failed <- err
	}()
	inW.Close()
	if err := c.Run(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, ErrInputEnded) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := c.Call(t.Context(), "ask", nil); !errors.Is(err, ErrInputEnded) {
		t.Errorf("Call: %v", err)
	}
	c.Reply(IntID(1), "owed")
	go func() {
		c.Close()
		outW.Close()
	}()
	out, _ := io.ReadAll(outR)
	if want := `{"id":0,"method":"ask"}` + "\n" + `{"id":1,"result":"owed"}` + "\n"; string(out) != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

// TestStops ends Run early, by ctx and by Close, while it reads and while its handler works.
func TestStops(t *testing.T) {
	inR, inW := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	c := NewConn(inR, io.Discard, waiting{}, Options{})
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	fmt.Fprintln(inW, `{"id":1,"method":"x"}`)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	var late sync.WaitGroup
	late.Go(func() { fmt.Fprintln(inW, `{"id":2,"method":"x"}`) }) // may be read, must not be handled
	c.Close()

	client, server := net.Pipe() // has deadlines, so nothing is left behind
	c = NewConn(server, server, waiting{}, Options{})
	go func() { ended <- c.Run(t.Context()) }()
	p, err := c.Start(t.Context(), "ask", nil)
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, client)
	go c.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("Run: %v", err)
	}
	if _, err := p.Wait(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Wait: %v", err)
	}
	c.Close()
	client.Close()
	inR.Close()
	late.Wait()
}

// waiting is a handler that waits for the end of its context.
type waiting struct{}

func (waiting) Request(ctx context.Context, _ ID, _ string, _ json.RawMessage) { <-ctx.Done() }
func (waiting) Notification(context.Context, string, json.RawMessage)          {}

// TestUnencodable answers even when a result cannot be encoded.
func TestUnencodable(t *testing.T) {
	var out strings.Builder
	c := NewConn(strings.NewReader(""), &out, nil, Options{})
	c.Reply(IntID(1), func() {})
	c.Notify(t.Context(), "x", make(chan int))
	if _, err := c.Start(t.Context(), "x", func() {}); err == nil {
		t.Error("Start sent what cannot be encoded")
	}
	c.Reply(IntID(2), json.RawMessage("{\n \"over\": \"lines\"\r\n}"))
	c.Close()
	want := `{"id":1,"error":{"code":-32603,"message":"the result cannot be encoded"}}` + "\n" +
		`{"id":2,"result":{  "over": "lines"` + "\r" + ` }}` + "\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestStockClients connects the clients of sourcegraph/jsonrpc2, which know the standard only, in both framings; both
// sides call each other from many goroutines.
func TestStockClients(t *testing.T) {
	for name, stream := range map[string]func(io.ReadWriteCloser) jsonrpc2.ObjectStream{
		"lines": jsonrpc2.NewPlainObjectStream,
		"headers": func(c io.ReadWriteCloser) jsonrpc2.ObjectStream {
			return jsonrpc2.NewBufferedStream(c, jsonrpc2.VSCodeObjectCodec{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := net.Pipe()
			h := &asking{}
			h.c = NewConn(b, b, h, Options{})
			ended := make(chan error, 1)
			go func() { ended <- h.c.Run(t.Context()) }()
			client := jsonrpc2.NewConn(t.Context(), stream(a), jsonrpc2.AsyncHandler(jsonrpc2.HandlerWithError(
				func(_ context.Context, _ *jsonrpc2.Conn, r *jsonrpc2.Request) (any, error) { return r.Params, nil })))
			var wg sync.WaitGroup
			for g := range 16 {
				wg.Go(func() {
					for i := range 50 {
						want := fmt.Sprintf("%d.%d é", g, i)
						var got string
						if err := client.Call(t.Context(), "relay", want, &got); err != nil || got != want {
							t.Errorf("got %q, want %q, %v", got, want, err)
						}
					}
				})
			}
			wg.Wait()
			if n := openCalls(h.c); n != 0 {
				t.Errorf("%d calls are still open", n)
			}
			client.Close()
			<-ended
			h.wg.Wait()
			h.c.Close()
		})
	}
}

// asking answers a request with what the client answers to a request of its own.
type asking struct {
	c  *Conn
	wg sync.WaitGroup
}

func (h *asking) Request(ctx context.Context, id ID, method string, params json.RawMessage) {
	h.wg.Go(func() {
		r, err := h.c.Call(ctx, method, params)
		if err != nil {
			h.c.ReplyError(id, &Error{Code: 1, Message: err.Error()})
			return
		}
		h.c.Reply(id, r)
	})
}

func (*asking) Notification(context.Context, string, json.RawMessage) {}
