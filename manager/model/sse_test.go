package model

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readSSE reads all events of a stream.
func readSSE(r io.Reader, most int) (out []string, err error) {
	s := newSSEReader(r, most)
	defer s.close()
	for {
		data, err := s.next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(data))
		s.used()
	}
}

func TestSSEFraming(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"plain", "event: a\ndata: 1\n\ndata:2\n\n", []string{"1", "2"}},
		{"crlf", "data: 1\r\n\r\ndata: 2\r\n\r\n", []string{"1", "2"}},
		{"several data lines", "data: 1\ndata:  2\ndata\nid: 7\ndata:3\n\n", []string{"1\n 2\n\n3"}},
		{"comments and other fields", ": ping\n\nretry: 5\nid: 1\n\n:\n\ndata: 1\n: x\n\n", []string{"1"}},
		{"data of another name", "database: 1\ndat: 2\n\n", nil},
		{"last one without its empty line", "data: 1\n\ndata: 2", []string{"1", "2"}},
		{"last one without any end", "data: 1", []string{"1"}},
		{"empty data", "data\n\ndata:\n\n", []string{"", ""}},
		{"nothing", "", nil},
		{"empty lines", "\n\n\r\n\n", nil},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			got, err := readSSE(r, sseMost)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
			}
		}
	}
}

func TestSSEEventsAcrossTheBuffersEdge(t *testing.T) {
	var in bytes.Buffer
	var want []string
	for i := range 400 {
		d := strings.Repeat("x", i*7)
		want = append(want, d)
		in.WriteString("event: e\ndata: " + d + "\n\n")
	}
	want = append(want, strings.Repeat("y", 3*sseBuffer), "z", strings.Repeat("x", 2*sseKeep), "1", "2")
	for _, d := range want[400:] {
		in.WriteString("data: " + d + "\n\n")
	}
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(in.Bytes()), "halves": iotest.HalfReader(bytes.NewReader(in.Bytes()))} {
		if got, err := readSSE(r, sseMost); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d events, %v, want %d", name, len(got), err, len(want))
		}
	}
}

// TestSSEGivesALargeBufferBack: a stream that goes on after a message of megabytes does not keep their memory.
func TestSSEGivesALargeBufferBack(t *testing.T) {
	s := newSSEReader(strings.NewReader("data: "+strings.Repeat("x", sseKeep)+"\n\ndata: 1\n\n"), sseMost)
	defer s.close()
	if _, err := s.next(); err != nil {
		t.Fatal(err)
	}
	grown := len(s.buf)
	s.used()
	if grown <= sseKeep || len(s.buf) != sseBuffer {
		t.Errorf("a buffer of %d bytes was one of %d with the event", len(s.buf), grown)
	}
}

// TestSSELooksAtAByteOnce: a line searched from its start at every read would take minutes here.
func TestSSELooksAtAByteOnce(t *testing.T) {
	from := time.Now()
	got, err := readSSE(iotest.OneByteReader(strings.NewReader("data: "+strings.Repeat("x", 1<<20)+"\n\n")), sseMost)
	if err != nil || len(got) != 1 || len(got[0]) != 1<<20 {
		t.Error(len(got), err)
	}
	if d := time.Since(from); d > 15*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestSSECapsOneEvent(t *testing.T) {
	const most = 256 << 10
	for name, in := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", most),
		"many lines": strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", most/1000),
	} {
		if _, err := readSSE(strings.NewReader(in), most); err != errEventTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := readSSE(strings.NewReader(strings.Repeat(": ping\n", most)+"data: 1\n\n"), most); err != nil || len(got) != 1 {
		t.Errorf("comments count as an event: %q %v", got, err)
	}
}

func TestSSEKeepsWhatCameBeforeAReadError(t *testing.T) {
	broken := errors.New("broken")
	got, err := readSSE(io.MultiReader(strings.NewReader("data: 1\n\ndata: 2"), iotest.ErrReader(broken)), sseMost)
	if !slices.Equal(got, []string{"1"}) || err != broken {
		t.Errorf("%q %v", got, err)
	}
}

// FuzzSSE checks the reader against a slow, obvious one, however the bytes are cut.
func FuzzSSE(f *testing.F) {
	f.Add([]byte(sseWhole), 7)
	f.Add([]byte("data: 1\r\ndata\n\n:x\n\ndata:\xff"), 1)
	f.Fuzz(func(t *testing.T, in []byte, step int) {
		want := obviousSSE(string(in))
		got, err := readSSE(&stepReader{b: in, n: max(step&0xff, 1)}, sseMost)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q, %v\nwant %q", got, err, want)
		}
	})
}

type stepReader struct {
	b []byte
	n int
}

func (r *stepReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[:min(r.n, len(r.b))])
	r.b = r.b[n:]
	return n, nil
}

func obviousSSE(in string) (out []string) {
	var data []string
	flush := func() {
		if data != nil {
			out = append(out, strings.Join(data, "\n"))
		}
		data = nil
	}
	lines := strings.Split(in, "\n")
	for i, line := range lines {
		last := i == len(lines)-1
		if !last {
			line = strings.TrimSuffix(line, "\r")
		}
		if line == "" {
			if !last {
				flush()
			}
			continue
		}
		if line == "data" {
			data = append(data, "")
		} else if v, ok := strings.CutPrefix(line, "data:"); ok {
			data = append(data, strings.TrimPrefix(v, " "))
		}
	}
	flush()
	return out
}
