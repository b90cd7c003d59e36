package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

const kib, mib = 1 << 10, 1 << 20

// repeat reads as head, then n bytes of c, then tail.
func repeat(head string, c byte, n int64, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&endless{c}, n), strings.NewReader(tail))
}

type endless struct{ c byte }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.c
	}
	return len(p), nil
}

func TestOversized(t *testing.T) {
	const after = `{"id":2,"method":"after"}` + "\n"
	for _, c := range []struct{ name, head, tail, want string }{
		{"request", `{"id":31,"method":"x","params":{"name":"`, "\"}}\n", "31 -32600"},
		{"string id", `{"id":"a","method":"x","params":{"name":"`, "\"}}\n", `"a" -32600`},
		{"late id", `{"method":"x","params":{"name":"`, "\"},\"id\":31}\n", "null -32600"},
		{"null id", `{"id":null,"method":"x","params":{"name":"`, "\"}}\n", "null -32600"},
		{"batch", `[{"id":31,"method":"x","params":{"name":"`, "\"}}]\n", "null -32600"},
		{"answer", `{"id":31,"result":"`, "\"}\n", ""},
		{"answer without id of ours", `{"id":"x","result":"`, "\"}\n", ""},
		{"garbage", ``, "\n", "null -32700"},
		{"broken head", `{"id":31,,"method":"`, "\"}\n", "null -32700"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := io.MultiReader(repeat(c.head, 'y', 300*kib, c.tail), strings.NewReader(after))
			h := &acknowledge{}
			var out bytes.Buffer
			h.c = NewConn(in, &out, h, Options{MaxFrame: 100 * kib})
			if err := h.c.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.c.Close()
			want := []string{"2 handled"}
			if c.want != "" {
				want = []string{c.want, "2 handled"}
			}
			if got := outcomes(t, out.Bytes()); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if c.want == "31 -32600" && !strings.Contains(out.String(), "message of 307243 bytes is over the limit of 102400 bytes") {
				t.Errorf("size and limit are not named: %.300s", out.String())
			}
		})
	}
}

func TestOversizedBody(t *testing.T) {
	body := `{"id":31,"method":"x","params":"` + strings.Repeat("y", 300*kib) + `"}`
	small := `{"id":2,"method":"after"}`
	in := fmt.Sprintf("Content-Length: %d\r\n\r\n%sContent-Length: %d\r\n\r\n%s", len(body), body, len(small), small)
	for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "bytewise": iotest.OneByteReader(strings.NewReader(in))} {
		got := string(play(t, r, Options{MaxFrame: 100 * kib}))
		if !strings.Contains(got, `"id":31,"error":{"code":-32600`) || !strings.Contains(got, `"id":2,"error"`) {
			t.Errorf("%s: got %.600s", name, got)
		}
	}
}

// TestFrameSizes reads frames of sizes around every boundary of the reader, and checks that params arrive whole and
// stay as they are while later frames are read.
func TestFrameSizes(t *testing.T) {
	var sizes []int
	for _, n := range []int{0, firstBuffer, firstBuffer * growth, readSize, handOver, keepBuffer, 2 * mib, 8 * mib} {
		for d := -90; d <= 0; d += 15 {
			if n <= mib || d%45 == 0 {
				sizes = append(sizes, max(0, n+d))
			}
		}
	}
	var in bytes.Buffer
	for i, n := range sizes {
		fmt.Fprintf(&in, "{\"method\":%q,\"params\":[%q]}\n", fmt.Sprint(i), strings.Repeat(string(rune('a'+i%26)), n))
	}
	h := &collect{}
	c := NewConn(&chunks{in.Bytes(), 100_000}, io.Discard, h, Options{})
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if len(h.params) != len(sizes) {
		t.Fatalf("%d of %d frames", len(h.params), len(sizes))
	}
	for i, n := range sizes {
		if p := h.params[i]; len(p) != n+4 || len(bytes.TrimLeft(p[2:], string(rune('a'+i%26)))) != 2 {
			t.Errorf("frame %d of %d bytes: got %d, %.40s", i, n, len(p), p)
		}
	}
}

type collect struct{ params []json.RawMessage }

func (*collect) Request(context.Context, ID, string, json.RawMessage) {}
func (h *collect) Notification(_ context.Context, _ string, p json.RawMessage) {
	h.params = append(h.params, p)
}

// TestFrameMemory bounds what a large frame costs: allocated in all for one that is kept, and for one that is not.
func TestFrameMemory(t *testing.T) {
	for _, c := range []struct {
		name   string
		frame  int64
		limit  int
		most   float64 // times the frame
		plus   int64
		accept bool
	}{
		{"kept", 50 * mib, 64 * mib, 1.5, 2 * mib, true}, // of which a third is never touched
		{"over the limit", 300 * mib, 16 * mib, 0, 28 * mib, false},
		{"no message", 300 * mib, 64 * mib, 0, 3 * mib, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			head := `{"method":"x","params":"`
			if c.name == "no message" {
				head = ""
			}
			h := &collect{}
			conn := NewConn(repeat(head, 'y', c.frame, "\"}\n"), io.Discard, h, Options{MaxFrame: c.limit})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := conn.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			got, most := int64(after.TotalAlloc-before.TotalAlloc), int64(float64(c.frame)*c.most)+c.plus
			if got > most || (len(h.params) == 1) != c.accept {
				t.Errorf("%d MiB allocated for a frame of %d MiB, at most %d; %d handled", got/mib, c.frame/mib, most/mib, len(h.params))
			}
			if n := len(conn.reader.buf); n > keepBuffer && !c.accept {
				t.Errorf("a buffer of %d bytes is kept", n)
			}
			conn.Close()
		})
	}
}

// TestReadErrors ends the input in other ways than EOF.
func TestReadErrors(t *testing.T) {
	boom := errors.New("boom")
	for name, c := range map[string]struct {
		in   io.Reader
		want error
	}{
		"error":           {io.MultiReader(strings.NewReader("{\"id\":1,\"method\":\"x\"}\n"), iotest.ErrReader(boom)), boom},
		"error in a line": {io.MultiReader(strings.NewReader("{\"id\":1,\"method\":\"x\"}\n{\"id\":"), iotest.ErrReader(boom)), boom},
		"error in a body": {io.MultiReader(strings.NewReader("Content-Length: 21\r\n\r\n{\"id\":1,\"method\":\"x\"}Content-Length: 9\r\n\r\n{"), iotest.ErrReader(boom)), boom},
		"with data":       {iotest.DataErrReader(strings.NewReader("{\"id\":1,\"method\":\"x\"}\n")), nil},
		"no progress":     {io.MultiReader(strings.NewReader("{\"id\":1,\"method\":\"x\"}\n"), stuck{}), io.ErrNoProgress},
	} {
		h := &acknowledge{}
		var out bytes.Buffer
		h.c = NewConn(c.in, &out, h, Options{})
		if err := h.c.Run(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("%s: Run says %v, want %v", name, err, c.want)
		}
		h.c.Close()
		if !strings.Contains(out.String(), `"id":1,"result"`) {
			t.Errorf("%s: the request before it was not answered: %s", name, &out)
		}
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
