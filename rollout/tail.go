package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Tail is what the end of a thread's file says without reading the rest.
type Tail struct {
	Meta          Meta
	End           Position
	State         TurnState
	LastTurnID    string
	Tokens        *TokenInfo      // of the last token_count that had any
	Context       json.RawMessage // the last turn_context, file spelling; nil if none
	Model, Effort string          // of Context
	UpdatedAt     time.Time       // of the file
}

// Tail reads the last lines of a stored thread, back to its last turn event, its last turn_context and its last
// token_count, also where a fork or a reverted thread has them in what it inherits. It is enough to fork the
// thread at its end: Cut gives the decision. Of a legacy file, or one that has no turn event, everything is read.
func (s *Store) Tail(ref string) (Tail, error) {
	path, err := s.resolve(ref)
	if err != nil {
		return Tail{}, err
	}
	h := &History{Path: path}
	src := source{path: path, end: noEnd}
	if err := h.readMeta(&src); err != nil {
		return Tail{}, err
	}
	if h.Meta.HistoryMode == ModePaginated {
		r := tailReader{Tail: Tail{Meta: h.Meta, UpdatedAt: h.UpdatedAt, End: Position{Offset: src.bytes, Path: path}}}
		if err := s.readTail(&r, src); err != nil {
			return Tail{}, err
		}
		if r.ended {
			return r.Tail, nil
		}
	}
	if h, err = s.read(path); err != nil {
		return Tail{}, err
	}
	return Tail{h.Meta, h.End, h.State, h.LastTurnID, h.Tokens, h.Context, h.Model, h.Effort, h.UpdatedAt}, nil
}

// Cut keeps everything, as [History.CutAtEnd] does.
func (t Tail) Cut() Cut {
	h := History{End: t.End, State: t.State}
	return h.CutAtEnd()
}

// tailReader takes the lines of a history from the last one backwards until it knows all that a tail says.
type tailReader struct {
	Tail
	ended   bool // the last turn event that names its turn was seen
	closed  bool // an event that ends a turn was seen
	context bool // the last turn_context was seen
}

// readTail reads a file and what it builds on.
func (s *Store) readTail(r *tailReader, own source) error {
	if base := r.Meta.Base; base != nil {
		r.End.Ordinal = base.EndOrdinal
	}
	return s.backwards(own, r.Meta, r.line)
}

// backwards calls f with the usable lines of a thread's history, last first, until f says false. A base that is
// gone ends the history, as it does for those who read forwards.
func (s *Store) backwards(own source, m Meta, f func(src *source, rec *record, off int64) bool) error {
	src, more := own, true
	for range maxChain {
		err := src.backwards(func(rec *record, off int64) bool {
			more = f(&src, rec, off)
			return more
		})
		if err != nil || !more || m.Base == nil {
			return err
		}
		next, above, err := s.baseSource(m.Base, min(src.end, m.Base.EndOrdinal))
		if baseGone(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what %s builds on: %w", own.path, err)
		}
		src, m = next, above
	}
	return fmt.Errorf("reading rollout %s: it builds on itself", own.path)
}

func (r *tailReader) done() bool { return r.ended && r.context && r.Tokens != nil }

// line takes a line and reports whether the one before it is wanted.
func (r *tailReader) line(src *source, rec *record, off int64) bool {
	if rec.hasOrdinal && src.path == r.End.Path {
		r.End.Ordinal = max(r.End.Ordinal, rec.ordinal+1)
	}
	switch string(rec.kind) {
	case kindContext:
		if ok, _ := rec.sound(); ok && !r.context {
			r.Context, r.context = slices.Clone(rec.payload), true
			r.Model, r.Effort = memberString(rec.payload, "model"), memberString(rec.payload, "effort")
		}
	case kindEvent:
		switch {
		case string(rec.event) == "token_count" && r.Tokens == nil:
			if ok, _ := rec.sound(); ok {
				if info := member(rec.payload, "info"); !isNull(info) {
					r.Tokens = parseTokens(info)
				}
			}
		case turnEvent(rec.event) && !r.ended:
			if ok, _ := rec.sound(); ok {
				r.turnEvent(string(rec.event), memberString(rec.payload, "turn_id"), Position{rec.ordinal, off, src.path})
			}
		}
	}
	return !r.done()
}

// turnEvent takes the last event of a turn. An end that names no turn leaves the name to the event before it.
func (r *tailReader) turnEvent(name, id string, at Position) {
	started := name == "task_started"
	if started && !r.closed {
		r.State = TurnState{true, id, at}
	}
	r.closed = r.closed || !started
	r.LastTurnID, r.ended = id, started || id != ""
}

// backwards calls f with the source's usable lines, last first, until f says false.
func (src *source) backwards(f func(rec *record, off int64) bool) error {
	file, err := os.Open(src.path)
	if err != nil {
		return fmt.Errorf("reading rollout: %w", err)
	}
	defer file.Close()
	return reverseLines(file, src.bytes, func(line []byte, off int64) bool {
		rec, ok := parseLine(line)
		if !ok || rec.hasOrdinal && rec.ordinal >= src.end {
			return true
		}
		return f(&rec, off)
	})
}

func turnEvent(name []byte) bool {
	switch string(name) {
	case "task_started", "task_complete", "turn_aborted":
		return true
	}
	return false
}

// reverseLines calls f with the lines that end before an offset, last first, until f says false.
func reverseLines(r io.ReaderAt, end int64, f func(line []byte, off int64) bool) error {
	var rest []byte // of a line whose beginning was not read yet
	for chunk := int64(64 << 10); end > 0; {
		n := min(end, chunk)
		buf := make([]byte, n, n+int64(len(rest)))
		if _, err := r.ReadAt(buf, end-n); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading rollout: %w", err)
		}
		buf = append(buf, rest...)
		end -= n
		for {
			i := bytes.LastIndexByte(bytes.TrimSuffix(buf, []byte{'\n'}), '\n')
			if i < 0 {
				break
			}
			if line := bytes.TrimSuffix(buf[i+1:], []byte{'\n'}); len(line) > 0 && !f(line, end+int64(i)+1) {
				return nil
			}
			buf = buf[:i+1]
		}
		if rest = slices.Clip(buf); len(rest) > int(chunk) {
			chunk *= 2
		}
		if len(rest) > maxLine {
			return nil
		}
	}
	if line := bytes.TrimSuffix(rest, []byte{'\n'}); len(line) > 0 {
		f(line, 0)
	}
	return nil
}

// CutAt decides on a fork after or before a turn of a stored thread, reading its file from the end: what it costs
// depends on how far back the turn is, not on how long the thread is. The meta is the source's, for [Store.ForkAt]
// or, of a legacy thread, for a fork by [Store.Fork] of its history.
func (s *Store) CutAt(ref, turnID string, after bool) (Meta, Cut, error) {
	path, err := s.resolve(ref)
	if err != nil {
		return Meta{}, Cut{}, err
	}
	h := &History{Path: path}
	src := source{path: path, end: noEnd}
	if err := h.readMeta(&src); err != nil {
		return Meta{}, Cut{}, err
	}
	if h.Meta.HistoryMode == ModePaginated {
		at, ok, err := src.turnEdge(turnID, after)
		if err != nil {
			return Meta{}, Cut{}, err
		}
		if ok {
			return h.Meta, Cut{At: at}, nil
		}
	}
	if h, err = s.read(path); err != nil {
		return Meta{}, Cut{}, err
	}
	decide := h.CutBeforeTurn
	if after {
		decide = h.CutAfterTurn
	}
	cut, err := decide(turnID)
	return h.Meta, cut, err
}

// turnEdge finds, from the end, where a turn begins or where the one after it does. It gives up at the first and
// the last turn of a file: what is before the one may be nothing, and what follows the other may be unfinished.
func (src *source) turnEdge(turnID string, after bool) (at Position, ok bool, err error) {
	file, err := os.Open(src.path)
	if err != nil {
		return at, false, fmt.Errorf("reading rollout: %w", err)
	}
	defer file.Close()
	var next, mine Position // starts of turns that went by
	found := false
	err = reverseLines(file, src.bytes, func(line []byte, off int64) bool {
		rec, good := parsePrefix(line)
		if !good || string(rec.event) != "task_started" || !rec.hasOrdinal {
			return true
		}
		if found { // mine is not the first one
			at, ok = mine, true
			return false
		}
		here := Position{rec.ordinal, off, src.path}
		if good, _ = rec.sound(); good && memberString(rec.payload, "turn_id") == turnID {
			if after {
				at, ok = next, next.Path != ""
				return false
			}
			mine, found = here, true
			return true
		}
		next = here
		return true
	})
	return at, ok, err
}
