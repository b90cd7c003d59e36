package plugins

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// TestLogOfSeveralHosts: lines stay whole whoever writes them, none is lost while
// the file turns, and two files of a bounded size are left.
func TestLogOfSeveralHosts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	const writers, each = 4, 700
	long := strings.Repeat("x", 1000)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			l := logFile{dir: dir, plugin: "p", logger: hclog.NewNullLogger()}
			out := lines{line: func(s string) { l.line(w, s) }}
			for i := range each { // in pieces, as a pipe brings them
				fmt.Fprintf(&out, "%d ", i)
				fmt.Fprintf(&out, "%s\nhalf", long)
				fmt.Fprint(&out, "\n")
			}
		})
	}
	wg.Wait()
	shape := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-3] (\d+ x{1000}|half)$`)
	total := 0
	for _, name := range []string{"p.log", "p.log.1"} {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > logLimit+writers*2000 {
			t.Errorf("%s has %d bytes", name, len(b))
		}
		if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s is %v", name, info.Mode())
		}
		for line := range strings.Lines(string(b)) {
			total++
			if !shape.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Fatalf("%s has %q", name, line[:min(len(line), 200)])
			}
		}
	}
	if want := 2 * writers * each; total > want || total < 1000 {
		t.Errorf("%d lines are left of %d", total, want)
	}
}

func TestLogLines(t *testing.T) {
	var got []string
	w := lines{line: func(s string) { got = append(got, s) }}
	fmt.Fprint(&w, "one\r\n\n  \ntwo", " more\n", `{"@level":"warn","@message":"no luck","@timestamp":"x","b":2,"a":"1"}`, "\n{\"@ no json\nlast")
	w.flush()
	w.flush()
	want := []string{"one", "two more", "warn: no luck a=1 b=2", `{"@ no json`, "last"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	fmt.Fprintln(&w, strings.Repeat("y", 2*logWidth))
	if n := len(got[len(got)-1]); n != logWidth {
		t.Errorf("a long line has %d bytes", n)
	}
	dir := t.TempDir()
	l := logFile{dir: dir, plugin: "p", logger: hclog.NewNullLogger()}
	l.line(1, "\x1b[2Jgone \xff")
	b, _ := os.ReadFile(LogFile(dir, "p"))
	if !strings.HasSuffix(string(b), " 1 \uFFFD[2Jgone \uFFFD\n") {
		t.Errorf("got %q", b)
	}
}

func BenchmarkLogLine(b *testing.B) {
	l := logFile{dir: b.TempDir(), plugin: "p", logger: hclog.NewNullLogger()}
	for b.Loop() {
		l.line(1, "a line of a plugin that is of the usual length, more or less")
	}
}
