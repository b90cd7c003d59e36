package plugins

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestHandshakeIn(t *testing.T) {
	const good = "1|1|unix|/tmp/x/plugin123|grpc|"
	for _, c := range []struct{ line, want string }{
		{good, good}, {good + "\r\n", good}, {"banner" + good, good}, {"1|2|tcp|127.0.0.1:10000|grpc|CERT", "1|2|tcp|127.0.0.1:10000|grpc|CERT"},
		{"11|" + good, good}, {"1|x|" + good, good},
		{"", ""}, {"hello", ""}, {"1|", ""}, {"1|1|unix|", ""}, {"1|1|unix||grpc|", ""}, {"1|one|unix|/x|grpc|", ""}, {"1|1|pigeon|/x|grpc|", ""},
	} {
		if got := handshakeIn(c.line); got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

func FuzzHello(f *testing.F) {
	f.Add([]byte("banner\n1|1|unix|/x|grpc|\nmore\n"))
	f.Add(bytes.Repeat([]byte("x"), 3*maxHello))
	f.Add([]byte("no end1|1|unix|/x|grpc|"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h := hello{logger: hclog.NewNullLogger()}
		r, w := io.Pipe()
		go h.pump(bytes.NewReader(in), w)
		out, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out, []byte("\n")); n > 1 || len(out) > 0 && (n != 1 || handshakeIn(string(out)) == "") {
			t.Errorf("passed on %q", out)
		}
		if len(h.lines()) > 3 {
			t.Errorf("kept %q", h.lines())
		}
	})
}

// TestTailOfABreakdown: the reason is not lost under the stack, and is what the
// error shows.
func TestTailOfABreakdown(t *testing.T) {
	var l tail
	io.WriteString(&l, "starting\npanic: no such luck\n\ngoroutine 1 [running]:\n")
	for i := range 50 {
		fmt.Fprintf(&l, "frame %d\n", i)
	}
	got := l.Lines()
	if len(got) != tailLines+1 || got[0] != "panic: no such luck" || got[tailLines] != "frame 49" {
		t.Errorf("got %q", got)
	}
	e := &Error{Plugin: "p", Kind: "skill", Reason: ReasonDied, Detail: "exit status 2", Stderr: got}
	if want := `skill plugin "p" died: exit status 2; it last wrote: panic: no such luck`; e.Error() != want {
		t.Errorf("got %s", e)
	}
	e.Stderr = []string{"1", "2", "3", "4"}
	if !strings.HasSuffix(e.Error(), ": 2 | 3 | 4") {
		t.Errorf("got %s", e)
	}
}

func TestTail(t *testing.T) {
	var l tail
	for i := range 30 {
		l.Write([]byte{'l', byte('a' + i%26), '\n'})
	}
	l.Write([]byte("half a "))
	l.Write([]byte("line"))
	got := l.Lines()
	if len(got) != tailLines+1 || got[0] != "lk" || got[tailLines-1] != "ld" || got[tailLines] != "half a line" {
		t.Errorf("got %q", got)
	}
	l = tail{}
	l.Write([]byte(strings.Repeat("x", 1<<20) + "\n\n  \n\xff\n"))
	if got := l.Lines(); len(got) != 2 || len(got[0]) != tailWidth || got[1] != "\uFFFD" {
		t.Errorf("%d lines, the first of %d bytes", len(got), len(got[0]))
	}
}

func TestBreaker(t *testing.T) {
	now := time.Now()
	b := breaker{times: Times{Restarts: 3, Window: 5 * time.Minute, Cooldown: time.Minute, BackoffMin: time.Second, BackoffMax: 3 * time.Second}}
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second} {
		if b.died(now) || b.wait(now) != want {
			t.Errorf("death %d: wait %v, want %v", i+1, b.wait(now), want)
		}
	}
	if !b.died(now) || !b.open(now) || b.open(now.Add(time.Minute)) {
		t.Error("the fourth death in the window does not open it, or for ever")
	}
	if b.died(now.Add(2*time.Minute)) || b.wait(now.Add(2*time.Minute)) != 0 {
		t.Error("after the cool-down it does not begin anew")
	}
	for i := range 20 { // one every two minutes is no loop
		if b.died(now.Add(time.Duration(8+2*i) * time.Minute)) {
			t.Errorf("opened by death %d", i)
		}
	}
	b.times.BackoffMax = time.Second
	for range 3 {
		b.died(now.Add(time.Hour))
	}
	if w := b.wait(now.Add(time.Hour)); w != time.Second {
		t.Errorf("wait %v is over the maximum", w)
	}
}

func TestSweep(t *testing.T) {
	base := t.TempDir()
	old := time.Now().Add(-time.Hour)
	dir := func(name string, aged bool) string {
		d := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Join(d, "plugin"), 0o700); err != nil {
			t.Fatal(err)
		}
		if aged {
			os.Chtimes(d, old, old)
		}
		return d
	}
	dir("young", false)
	dir("dead", true)
	living := dir("living", true)
	lock, err := lockFile(filepath.Join(living, lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	os.Chtimes(living, old, old)
	os.WriteFile(filepath.Join(base, "file"), nil, 0o600)
	sweep(base)
	var left []string
	entries, _ := os.ReadDir(base)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, []string{"file", "living", "young"}) {
		t.Errorf("left are %q", left)
	}
}

func TestPrivate(t *testing.T) {
	base := t.TempDir()
	open := filepath.Join(base, "open")
	os.Mkdir(open, 0o777)
	os.Chmod(open, 0o777)
	if err := private(open); err != nil {
		t.Error(err)
	}
	if info, _ := os.Stat(open); info.Mode().Perm() != 0o700 {
		t.Errorf("it is %v", info.Mode())
	}
	link := filepath.Join(base, "link")
	os.Symlink(open, link)
	if err := private(link); err == nil {
		t.Error("a link passes for a folder of ours")
	}
	// The long path of a temporary folder would not leave room for a socket.
	t.Setenv("TMPDIR", filepath.Join(base, strings.Repeat("x", 100)))
	t.Setenv("XDG_RUNTIME_DIR", "")
	d := runDir{}
	got, err := d.get()
	if err != nil {
		t.Fatal(err)
	}
	defer d.remove()
	if len(got) > maxRunDir+15 {
		t.Errorf("%s is too long", got)
	}
}
