package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Summary is what a list shows of a thread.
type Summary struct {
	ID        string
	Path      string
	Meta      Meta // without base instructions, dynamic tools and members not known
	Preview   string
	Name      string // empty if the thread has none
	Model     string // of the first turn
	CreatedAt time.Time
	UpdatedAt time.Time
	Archived  bool
}

// head is what the first lines of a file say.
type head struct {
	size    int64
	modTime time.Time
	meta    Meta
	preview string
	model   string
	listed  bool // it has a session meta and a user message
}

// Heads are read so far for a user message, and no further.
const (
	headRecords = 256
	headBytes   = 8 << 20
)

// headCache keeps the heads of files that have not changed. It is bounded; which ones go is left to chance.
type headCache struct {
	mu sync.Mutex
	m  map[string]head
}

const maxHeads = 50000

func (c *headCache) get(path string, info os.FileInfo) (head, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.m[path]
	return h, ok && h.size == info.Size() && h.modTime.Equal(info.ModTime())
}

func (c *headCache) put(path string, h head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]head{}
	}
	for old := range c.m {
		if len(c.m) < maxHeads {
			break
		}
		delete(c.m, old)
	}
	c.m[path] = h
}

// head returns the head of a file, from memory if the file is as it was.
func (s *Store) head(path string) (head, error) {
	info, err := os.Stat(path)
	if err != nil {
		return head{}, err
	}
	if h, ok := s.heads.get(path, info); ok {
		return h, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return head{}, err
	}
	defer f.Close()
	h := head{size: info.Size(), modTime: info.ModTime()}
	buf := headBuffers.Get().(*[]byte)
	h.read(f, *buf)
	headBuffers.Put(buf)
	s.heads.put(path, h)
	return h, nil
}

// Summary is what a list would show of one stored thread, given by id or by path. It looks at the file's first
// lines only.
func (s *Store) Summary(ref string) (Summary, error) {
	path, err := s.resolve(ref)
	if err != nil {
		return Summary{}, err
	}
	h, err := s.head(path)
	if err != nil {
		return Summary{}, fmt.Errorf("reading rollout: %w", err)
	}
	if h.meta.ID == "" {
		return Summary{}, fmt.Errorf("reading rollout %s: %w", path, ErrEmpty)
	}
	sum := Summary{ID: h.meta.ID, Path: path, Meta: h.meta, Preview: h.preview, Model: h.model, Name: s.Name(h.meta.ID),
		CreatedAt: h.meta.Timestamp, UpdatedAt: h.modTime, Archived: s.isArchived(path)}
	if name, ok := parseFileName(filepath.Base(path)); ok && name.segment != "" {
		sum.CreatedAt = s.created(h.meta)
	}
	if h.meta.Base != nil {
		if base, err := s.firstHead(h.meta.Base); err == nil && base.listed {
			sum.Preview, sum.Model = base.preview, orElse(h.model, base.model)
		}
	}
	return sum, nil
}

// headBuffers hold the beginnings of files while thousands of them are looked into.
var headBuffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// warm reads the heads of many files side by side; most of that is waiting for the system. What could not be
// read has no meta.
func (s *Store) warm(list []candidate) []head {
	out := make([]head, len(list))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8, 1+len(list)/64) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				out[i], _ = s.head(list[i].path)
			}
		})
	}
	wg.Wait()
	return out
}

func (h *head) read(f io.Reader, buf []byte) {
	lines := lineReader{r: io.LimitReader(f, headBytes), buf: buf}
	for n := 0; n < headRecords; n++ {
		line, off, _, err := lines.next()
		if errors.Is(err, errLineTooLong) {
			continue
		}
		if err != nil {
			return
		}
		if off == 0 {
			line = bytes.TrimPrefix(line, bom)
		}
		rec, ok := parseLine(line)
		if !ok {
			continue
		}
		if h.add(&rec); h.listed {
			return
		}
	}
}

func (h *head) add(rec *record) {
	switch string(rec.kind) {
	case kindMeta:
		if ok, _ := rec.sound(); ok && h.meta.ID == "" {
			h.meta, _ = parseMetaOnly(rec.payload, bulky)
		}
	case kindContext:
		if ok, _ := rec.sound(); ok && h.model == "" {
			h.model = memberString(rec.payload, "model")
		}
	case kindEvent:
		if text, ok := userText(rec); ok {
			h.preview = previewOf(text)
			h.listed = h.meta.ID != ""
		}
	}
}

// userText returns the text of a record that shows a user message.
func userText(rec *record) (string, bool) {
	switch string(rec.eventType()) {
	case "user_message":
		if ok, _ := rec.sound(); ok {
			return memberString(rec.payload, "message"), true
		}
	case "item_completed":
		if !bytes.Contains(rec.payload[:min(len(rec.payload), 512)], []byte(`"UserMessage"`)) {
			return "", false
		}
		if ok, _ := rec.sound(); !ok {
			return "", false
		}
		item := member(rec.payload, "item")
		if memberString(item, "type") != "UserMessage" {
			return "", false
		}
		return messageText(item), true
	}
	return "", false
}
