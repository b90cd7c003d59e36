package plugins

import (
	"bytes"
	"strings"
	"sync"
)

const (
	tailLines = 20
	tailWidth = 512 // bytes kept of one line
)

// tail keeps the last lines written to it. It is safe for concurrent use and
// never fails.
type tail struct {
	mu    sync.Mutex
	lines []string // a ring once it is full
	next  int
	part  []byte // the unfinished last line, cut at tailWidth
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
	if len(t.lines) < tailLines {
		t.lines = append(t.lines, line)
		return
	}
	t.lines[t.next] = line
	t.next = (t.next + 1) % tailLines
}

// Lines returns what is kept, oldest first, the unfinished line included.
func (t *tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, 0, len(t.lines)+1)
	out = append(out, t.lines[t.next:]...)
	out = append(out, t.lines[:t.next]...)
	if s := strings.TrimSpace(strings.ToValidUTF8(string(t.part), "\uFFFD")); s != "" {
		out = append(out, s)
	}
	return out
}
