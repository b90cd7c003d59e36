package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/go-hclog"
)

const (
	logLimit = 1 << 20  // bytes of a plugin's log, after which it becomes the older one
	logWidth = 16 << 10 // bytes kept of one line
)

// LogFile is where the host with this Options.LogDir keeps what a plugin says.
// The file beside it that ends in .1 is the older part.
func LogFile(logDir, plugin string) string { return filepath.Join(logDir, plugin+".log") }

// logFile keeps what a plugin says, for people: a line each with the time and the
// process. Any number of hosts write to the same file, a whole line at once. It
// is opened for each line: plugins say little, and nobody has to close it, nor
// to notice that another host has put the file aside.
type logFile struct {
	dir    string // empty: nothing is kept
	plugin string
	logger hclog.Logger
	failed sync.Once
}

// line writes one line. It never fails; that it cannot is logged once.
func (l *logFile) line(pid int, text string) {
	if l.dir == "" || text == "" {
		return
	}
	text = strings.Map(printable, strings.ToValidUTF8(text[:min(len(text), logWidth)], "\uFFFD"))
	b := fmt.Appendf(nil, "%s %d %s\n", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), pid, text)
	if err := l.append(b); err != nil {
		l.failed.Do(func() { l.logger.Warn("what plugins say is not kept", "error", err) })
	}
}

// printable keeps what could steer a terminal out of the file.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\t' {
		return '\uFFFD'
	}
	return r
}

func (l *logFile) append(b []byte) error {
	path := LogFile(l.dir, l.plugin)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(l.dir, 0o700); err == nil {
			f, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	info, statErr := f.Stat()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if statErr == nil && info.Size() > logLimit {
		l.turn(path)
	}
	return err
}

// turn puts a full file aside. Of several hosts that find it full, one does.
func (l *logFile) turn(path string) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return
	}
	defer lock.Close()
	if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
		_ = os.Rename(path, path+".1") // the next line tries again
	}
}

// lines makes lines of what is written to it. Each stream of a process has its
// own, so that lines stay whole.
type lines struct {
	line func(string)

	mu   sync.Mutex
	part []byte
}

func (w *lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		head, rest, ended := bytes.Cut(p, []byte{'\n'})
		w.part = append(w.part, head[:min(len(head), logWidth-len(w.part))]...)
		if ended {
			w.flushLocked()
		}
		p = rest
	}
	return n, nil
}

// flush ends a line that has no end of its own.
func (w *lines) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushLocked()
}

func (w *lines) flushLocked() {
	text := strings.TrimRight(string(w.part), "\r\n\t ")
	w.part = w.part[:0]
	if text != "" {
		w.line(readableLog(text))
	}
}

// spoken is all that one process says, by way of its streams.
type spoken struct {
	tell               func(text string)
	stderr, stdout     lines
	pipedErr, pipedOut lines // what go-plugin brings over the connection
}

func (s *spoken) init(tell func(string)) {
	s.tell = tell
	for _, w := range s.all() {
		w.line = tell
	}
}

func (s *spoken) all() []*lines { return []*lines{&s.stderr, &s.stdout, &s.pipedErr, &s.pipedOut} }

// flush tells what was left unfinished.
func (s *spoken) flush() {
	for _, w := range s.all() {
		w.flush()
	}
}

// keep returns what takes the lines of an instance.
func (h *Host) keep(in *instance) func(string) {
	file := &logFile{dir: h.logDir, plugin: in.spec.Name, logger: in.logger}
	return func(text string) {
		pid := 0
		if in.proc != nil {
			pid = in.proc.pid()
		}
		file.line(pid, text)
		if h.onLine != nil {
			h.onLine(in.spec.Name, pid, text)
		}
	}
}

// readableLog turns a line that a go-plugin process logs as JSON into words.
func readableLog(line string) string {
	if !strings.HasPrefix(line, `{"@`) {
		return line
	}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil {
		return line
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %v", fields["@level"], fields["@message"])
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if !strings.HasPrefix(key, "@") {
			fmt.Fprintf(&b, " %s=%v", key, fields[key])
		}
	}
	return b.String()
}
