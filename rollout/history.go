package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// History is what a thread's file, with what it inherits from others, says up to the moment of reading. It
// holds what a model must see; turns are built from the file on demand. A History is not changed by anybody
// after it was returned, and may be shared.
type History struct {
	Path string
	Meta Meta

	Items        []json.RawMessage // model-visible items in order, compactions and rollbacks applied; each verbatim
	UserMessages []UserMessage     // the users' messages still in the history, oldest first
	Marks        []TurnMark        // the turns that have an event of their own, in order of their first one
	State        TurnState         // of the end of the history
	Compactions  int
	Tokens       *TokenInfo      // of the last token_count that had any
	RateLimits   json.RawMessage // of the last token_count that had any
	Context      json.RawMessage // the last turn_context, file spelling; nil if none
	Model        string          // of Context
	Effort       string          // of Context
	Baseline     bool            // Context was written after the last compaction: only differences need telling
	LastTurnID   string

	End       Position // where the next line goes
	CreatedAt time.Time
	UpdatedAt time.Time // of the file
	Preview   string    // text of the first user message
	Warnings  Warnings

	sources []source
	spoken  []Position // before every message of the user, also those that were rolled back
}

// UserMessage is the place of one message of the user: a point to fork before.
type UserMessage struct {
	Item   int      // its index in Items, or -1 if a compaction swallowed it
	Before Position // between the line before it and its own
	TurnID string   // the turn it belongs to; empty in files without turn events
}

// TurnMark is where a turn begins.
type TurnMark struct {
	ID    string
	Start Position // before its task_started
}

// TurnState says how a history ends.
type TurnState struct {
	MidTurn     bool     // a turn was not finished
	ActiveID    string   // its id, if a turn event says
	ActiveStart Position // before its first line, if ActiveID is set
}

// Warnings counts what could not be read as it was meant.
type Warnings struct {
	Skipped     int       // lines passed over
	Repaired    int       // lines whose bad UTF-8 was replaced
	First       []Warning // the first few of both
	MissingBase string    // id of a segment that the history builds on and that is gone, with all before it
}

// Warning is one damaged line.
type Warning struct {
	Path   string
	Offset int64
	Reason string
}

const maxWarnings = 20

func (w *Warnings) add(path string, off int64, repaired bool, reason string) {
	if repaired {
		w.Repaired++
	} else {
		w.Skipped++
	}
	if len(w.First) < maxWarnings {
		w.First = append(w.First, Warning{path, off, reason})
	}
}

// source is a stretch of one file that belongs to a history: the lines below an ordinal, up to an offset.
type source struct {
	path  string
	end   uint64 // ordinals below this; all if it is the maximum
	bytes int64  // the file's length when the history was read; lines that came later are not its own
	from  int64  // offset of the first line
}

const noEnd = 1<<64 - 1

// walk calls f with every usable line of the source, in order. The record is valid during the call. f may stop
// the walk with an error, which walk returns; io.EOF stops it without one.
func (src *source) walk(warn *Warnings, f func(*record) error) error {
	file, err := os.Open(src.path)
	if err != nil {
		return fmt.Errorf("reading rollout: %w", err)
	}
	defer file.Close()
	if src.bytes == 0 {
		info, err := file.Stat()
		if err != nil {
			return fmt.Errorf("reading rollout: %w", err)
		}
		src.bytes = info.Size()
	}
	if _, err := file.Seek(src.from, io.SeekStart); err != nil {
		return fmt.Errorf("reading rollout: %w", err)
	}
	lines := newLineReader(io.LimitReader(file, src.bytes-src.from), src.from, src.bytes-src.from)
	for {
		line, off, whole, err := lines.next()
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, errLineTooLong):
			warn.add(src.path, off, false, err.Error())
			continue
		case err != nil:
			return fmt.Errorf("reading rollout %s: %w", src.path, err)
		}
		if off == 0 {
			line = bytes.TrimPrefix(line, bom)
		}
		if blank(line) {
			continue
		}
		rec, ok := parseLine(line)
		if !ok || !whole && !wholeRecord(&rec) {
			warn.add(src.path, off, false, "no record")
			continue
		}
		rec.off = off
		if rec.hasOrdinal && rec.ordinal >= src.end {
			return nil
		}
		if err = f(&rec); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// wholeRecord tells a last line that only lacks its newline from one that was cut.
func wholeRecord(rec *record) bool {
	ok, _ := rec.sound()
	return ok
}

func blank(line []byte) bool { return skipSpace(line, 0) == len(line) }

// Read reads the history of a thread, given by id or by path, without a lock.
func (s *Store) Read(ref string) (*History, error) {
	path, err := s.resolve(ref)
	if err != nil {
		return nil, err
	}
	return s.read(path)
}

// ReadUntil reads the history of a thread as it was when its file ended at a position.
func (s *Store) ReadUntil(at Position) (*History, error) {
	path, err := s.resolve(at.Path)
	if err != nil {
		return nil, err
	}
	return s.readUntil(path, at.Offset)
}

func (s *Store) read(path string) (*History, error) { return s.readUntil(path, 1<<63-1) }

func (s *Store) readUntil(path string, end int64) (*History, error) {
	h := &History{Path: path}
	own := source{path: path, end: noEnd}
	if err := h.readMeta(&own); err != nil {
		return nil, err
	}
	own.bytes = min(own.bytes, end)
	if err := s.inherit(h); err != nil {
		return nil, err
	}
	h.sources = append(h.sources, own)
	if name, ok := parseFileName(filepath.Base(path)); ok && name.segment != "" {
		h.CreatedAt = s.created(h.Meta)
	}
	b := historyBuilder{h: h}
	for i := range h.sources {
		src := &h.sources[i]
		b.src = src
		if err := src.walk(&h.Warnings, b.add); err != nil {
			return nil, err
		}
	}
	b.finish()
	return h, nil
}

// created is when a reverted thread was made; its newest segment says only when it was reverted.
func (s *Store) created(m Meta) time.Time {
	if path, err := s.segmentPath(m.ID); err == nil {
		if first, err := s.head(path); err == nil && first.meta.ID == m.ID {
			return first.meta.Timestamp
		}
	}
	return m.Timestamp
}

// HostEvents calls f with the records of our own in the history, in order, until f says false: the name without
// its prefix, and the record as it was given to [HostEvent], with its type.
func (h *History) HostEvents(f func(name string, body json.RawMessage) bool) error {
	var warn Warnings
	more := true
	for i := 0; i < len(h.sources) && more; i++ {
		err := h.sources[i].walk(&warn, func(rec *record) error {
			name, ok := strings.CutPrefix(string(rec.event), hostPrefix)
			if !ok {
				return nil
			}
			if ok, _ = rec.sound(); ok && !f(name, rec.payload) {
				more = false
				return io.EOF
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// TokensByTurn is how many tokens each turn has used in all its requests. Turns that nobody counted are not in it.
func (h *History) TokensByTurn() (map[string]int64, error) {
	used := map[string]int64{}
	var warn Warnings
	var turn string
	var before, total int64
	for i := range h.sources {
		err := h.sources[i].walk(&warn, func(rec *record) error {
			switch string(rec.event) {
			case "task_started":
				if ok, _ := rec.sound(); ok {
					turn, before = memberString(rec.payload, "turn_id"), total
				}
			case "token_count":
				if ok, _ := rec.sound(); ok && turn != "" {
					if info := member(rec.payload, "info"); !isNull(info) {
						total = parseTokens(info).Total.Total
						used[turn] = total - before
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return used, nil
}

// readMeta finds the first session_meta, which says whose file it is and what it builds on.
func (h *History) readMeta(src *source) error {
	file, err := os.Open(src.path)
	if err != nil {
		return fmt.Errorf("reading rollout: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("reading rollout: %w", err)
	}
	src.bytes = info.Size()
	h.UpdatedAt = info.ModTime()
	found, err := firstMeta(file, src)
	if err != nil {
		return err
	}
	h.Meta, h.CreatedAt = found, found.Timestamp
	return nil
}

// firstMeta reads up to the first usable session_meta.
func firstMeta(file *os.File, src *source) (m Meta, err error) {
	head := newLineReader(io.LimitReader(file, src.bytes), 0, min(src.bytes, 8<<10))
	for {
		line, off, _, err := head.next()
		if errors.Is(err, errLineTooLong) {
			continue
		}
		if err != nil {
			return m, fmt.Errorf("reading rollout %s: %w", src.path, ErrEmpty)
		}
		if off == 0 {
			line = bytes.TrimPrefix(line, bom)
		}
		rec, ok := parseLine(line)
		if !ok || string(rec.kind) != kindMeta {
			continue
		}
		if ok, _ = rec.sound(); !ok {
			continue
		}
		if m, ok = parseMeta(rec.payload); ok {
			return m, nil
		}
	}
}
