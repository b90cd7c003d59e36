package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Tail is what the end of a thread's file says without reading the rest.
type Tail struct {
	Meta       Meta
	End        Position
	State      TurnState
	LastTurnID string
}

// Tail reads the last lines of a stored thread, back to its last turn event. It is enough to fork the thread at
// its end: Cut gives the decision. Of a legacy file, or one that has no turn event, everything is read.
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
	found := false
	if h.Meta.HistoryMode == ModePaginated {
		if found, err = h.readTail(&src); err != nil {
			return Tail{}, err
		}
	}
	if !found {
		if h, err = s.read(path); err != nil {
			return Tail{}, err
		}
	}
	return Tail{h.Meta, h.End, h.State, h.LastTurnID}, nil
}

// Cut keeps everything, as [History.CutAtEnd] does.
func (t Tail) Cut() Cut {
	h := History{End: t.End, State: t.State}
	return h.CutAtEnd()
}

// readTail replays the lines from the last turn event on.
func (h *History) readTail(src *source) (found bool, err error) {
	file, err := os.Open(src.path)
	if err != nil {
		return false, fmt.Errorf("reading rollout: %w", err)
	}
	defer file.Close()
	from := int64(-1)
	err = reverseLines(file, src.bytes, func(line []byte, off int64) bool {
		rec, ok := parsePrefix(line)
		if ok && string(rec.kind) == kindEvent && turnEvent(rec.event) && rec.hasOrdinal {
			from = off
		}
		return from < 0
	})
	if err != nil || from < 0 {
		return false, err
	}
	tail := *src
	tail.from = from
	b := historyBuilder{h: h, src: &tail}
	if err := tail.walk(&h.Warnings, b.add); err != nil {
		return false, err
	}
	b.finish()
	return true, nil
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
