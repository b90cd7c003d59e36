package plugins

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

const (
	tailLines = 20
	tailWidth = 512 // bytes kept of one line
)

// tail keeps the last lines written to it, and the one that says why a Go program
// broke down, which a stack of any length follows. It is safe for concurrent use
// and never fails.
type tail struct {
	mu    sync.Mutex
	lines []string // a ring once it is full
	next  int
	part  []byte // the unfinished last line, cut at tailWidth
	panic string // the last one that is the head of a breakdown
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		t.part = append(t.part, line[:min(len(line), tailWidth-len(t.part))]...)
		if ended {
			t.push()
		}
		p = rest
	}
	return n, nil
}

func (t *tail) push() {
	line := strings.ToValidUTF8(strings.TrimSpace(string(t.part)), "\uFFFD")
	t.part = t.part[:0]
	if line == "" {
		return
	}
	if breakdown(line) {
		t.panic = line
	}
	if len(t.lines) < tailLines {
		t.lines = append(t.lines, line)
		return
	}
	t.lines[t.next] = line
	t.next = (t.next + 1) % tailLines
}

// breakdown tells whether a line is how the runtime of Go says that it gives up.
func breakdown(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}

// Lines returns what is kept, oldest first, the unfinished line included.
func (t *tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, 0, len(t.lines)+2)
	if t.panic != "" && !slices.Contains(t.lines, t.panic) {
		out = append(out, t.panic)
	}
	out = append(out, t.lines[t.next:]...)
	out = append(out, t.lines[:t.next]...)
	if s := strings.TrimSpace(strings.ToValidUTF8(string(t.part), "\uFFFD")); s != "" {
		out = append(out, s)
	}
	return out
}
