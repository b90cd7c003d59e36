package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/google/uuid"
)

// Cut is a decision where a fork ends, and what it gets to see after that.
type Cut struct {
	Empty   bool     // nothing is kept: the fork is a new thread
	At      Position // the first line not kept
	Records []Record // to be written first into the fork
}

// Items are the model-visible ones of the records.
func (c Cut) Items() (items []json.RawMessage) {
	for _, r := range c.Records {
		if r.kind == kindItem {
			items = append(items, r.payload)
		}
	}
	return items
}

// ErrTurnNotFound says that a history has no such turn.
var ErrTurnNotFound = errors.New("turn not found")

// CutAtEnd keeps everything. If a turn runs, the fork sees it as interrupted now.
func (h *History) CutAtEnd() Cut {
	c := Cut{At: h.End}
	if h.State.MidTurn {
		c.Records = Interruption(h.State.ActiveID)
	}
	return c
}

// Interruption is what is written where a turn was stopped: a message for the model, and the event. turnID may be
// empty.
func Interruption(turnID string) []Record {
	w := event("turn_aborted")
	w.opt("root_turn_id", turnID)
	w.opt("turn_id", turnID)
	w.str("reason", "interrupted")
	return []Record{InterruptMarker(), w.record()}
}

// InterruptMarker is the message that tells the model that the user stopped the turn.
func InterruptMarker() Record {
	const text = "<turn_aborted>\nThe user stopped this turn before it was finished. Commands that were started may " +
		"still be running, and tool calls without a result may have had some of their effects.\n</turn_aborted>"
	return ResponseItem(userItem(text))
}

// CutBeforeUserMessage keeps what came before the nth message of the user, counted from 0. Where there is no such
// message everything is kept, except a turn that is still running.
func (h *History) CutBeforeUserMessage(n int) Cut {
	at := h.End
	switch {
	case n >= 0 && n < len(h.UserMessages):
		at = h.UserMessages[n].Before
	case !h.State.MidTurn:
	case h.State.ActiveID != "":
		at = h.State.ActiveStart
	case len(h.UserMessages) > 0:
		at = h.UserMessages[len(h.UserMessages)-1].Before
	}
	return Cut{At: at, Empty: h.nothingBefore(at)}
}

// CutBeforeSpokenMessage keeps what came before the nth message that the user ever sent, counted from 0, also of
// those that were rolled back since. Where there is no such message nothing is kept.
func (h *History) CutBeforeSpokenMessage(n int) Cut {
	if n < 0 || n >= len(h.spoken) {
		return Cut{At: h.End, Empty: true}
	}
	return Cut{At: h.spoken[n], Empty: n == 0}
}

// nothingBefore reports whether a cut leaves nothing of what the user and the model said.
func (h *History) nothingBefore(at Position) bool {
	switch {
	case len(h.UserMessages) > 0:
		return !h.before(h.UserMessages[0].Before, at)
	case len(h.Marks) > 0:
		return !h.before(h.Marks[0].Start, at)
	}
	return len(h.Items) == 0
}

// before orders two positions of this history.
func (h *History) before(a, b Position) bool {
	if h.Meta.HistoryMode != ModeLegacy {
		return a.Ordinal < b.Ordinal
	}
	return a.Offset < b.Offset
}

// CutBeforeTurn keeps what came before a turn.
func (h *History) CutBeforeTurn(id string) (Cut, error) {
	i := h.mark(id)
	if i < 0 {
		return Cut{}, fmt.Errorf("%w: %s", ErrTurnNotFound, id)
	}
	at := h.Marks[i].Start
	return Cut{At: at, Empty: h.nothingBefore(at)}, nil
}

// CutAfterTurn keeps a turn and what came before it. Whether that turn may still be running is for the caller to
// judge; if it is open at the end of the history, it is interrupted in the fork.
func (h *History) CutAfterTurn(id string) (Cut, error) {
	i := h.mark(id)
	if i < 0 {
		return Cut{}, fmt.Errorf("%w: %s", ErrTurnNotFound, id)
	}
	if i+1 < len(h.Marks) {
		return Cut{At: h.Marks[i+1].Start}, nil
	}
	return h.CutAtEnd(), nil
}

func (h *History) mark(id string) int {
	return slices.IndexFunc(h.Marks, func(m TurnMark) bool { return m.ID == id })
}

// Fork makes a new thread of what a cut leaves of a history, and creates its file at once. m is the new thread's
// meta; its instructions and dynamic tools come from the history where m has none, and its mode is the
// history's. A paginated history is not copied but referred to; the cost does not depend on its length.
func (s *Store) Fork(m Meta, h *History, cut Cut) (*Recorder, error) {
	if m.Instructions == nil {
		m.Instructions = h.Meta.Instructions
	}
	if m.DynamicTools == nil {
		m.DynamicTools = h.Meta.DynamicTools
	}
	m.HistoryMode = h.Meta.HistoryMode
	if h.Meta.HistoryMode == ModeLegacy || !cut.Empty && !s.Refers(cut.At) {
		return s.forkCopy(m, h, cut)
	}
	return s.ForkAt(m, h.Meta.ID, cut)
}

// Refers reports whether a fork can refer to what is before a position: the file that holds it lies where a file
// of its name is looked for. Else it must be copied.
func (s *Store) Refers(at Position) bool {
	name, ok := parseFileName(filepath.Base(at.Path))
	return ok && (s.isArchived(at.Path) || filepath.Dir(at.Path) == s.dayFolder(name))
}

// ForkAt is Fork for a caller that knows where to cut a paginated thread without reading it: a live thread asks
// its recorder for the position.
func (s *Store) ForkAt(m Meta, sourceID string, cut Cut) (*Recorder, error) {
	m.HistoryMode = ModePaginated
	m.ForkedFromID = sourceID
	if !cut.Empty {
		id, ok := segmentID(cut.At.Path)
		if !ok {
			return nil, fmt.Errorf("forking thread %s: %s has no name to refer to", sourceID, cut.At.Path)
		}
		end := cut.At.Ordinal
		m.ForkedFromEnd = &end
		m.Base = &Base{id, end, cut.At.Offset}
	}
	r, err := s.Create(m)
	if err != nil {
		return nil, err
	}
	if err := r.createNow(cut.Records); err != nil {
		return nil, err
	}
	return r, nil
}

// createNow creates the file, or gives the recorder up.
func (r *Recorder) createNow(recs []Record) error {
	err := r.Materialize(recs...)
	if err != nil {
		_ = r.Close()
	}
	return err
}

// forkCopy copies the lines that are kept into the new file: for legacy files, whose lines cannot be referred to,
// and for files that lie outside of the home.
func (s *Store) forkCopy(m Meta, h *History, cut Cut) (*Recorder, error) {
	m.ForkedFromID = h.Meta.ID
	r, err := s.Create(m)
	if err != nil {
		return nil, err
	}
	if err := r.createNow(nil); err != nil {
		return nil, err
	}
	if !cut.Empty {
		err = r.copyLines(h, cut.At)
	}
	if err == nil {
		err = r.Append(cut.Records...)
	}
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("forking thread %s: %w", h.Meta.ID, err)
	}
	return r, nil
}

// copyLines copies the lines of a history up to a position, with their times.
func (r *Recorder) copyLines(h *History, to Position) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var warn Warnings
	var batch []byte
	for i := range h.sources {
		src := &h.sources[i]
		last := src.path == to.Path
		err := src.walk(&warn, func(rec *record) error {
			if last && rec.off >= to.Offset {
				return io.EOF
			}
			if ok, _ := rec.sound(); !ok {
				return nil
			}
			batch = r.copyLine(batch, rec)
			if len(batch) < 256<<10 {
				return nil
			}
			err := r.flushLocked(batch)
			batch = batch[:0]
			return err
		})
		if err != nil {
			return err
		}
		if last {
			break
		}
	}
	return r.flushLocked(batch)
}

func (r *Recorder) copyLine(dst []byte, rec *record) []byte {
	from := len(dst)
	dst = r.open(dst, string(rec.kind), r.next, r.store.now())
	if len(rec.stamp) == len(stampLayout) {
		copy(dst[from+len(`{"timestamp":"`):], rec.stamp)
	}
	return append(append(dst, rec.payload...), "}\n"...)
}

// Revert drops what came at and after a position of the thread's history, by going on in a new file that refers
// to what is kept. The old file stays as it is. Nothing may wait in memory.
func (r *Recorder) Revert(at Position) error {
	r.syncing.Lock()
	defer r.syncing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.file == nil {
		return fmt.Errorf("reverting %s: %w", r.path, ErrClosed)
	}
	if r.meta.HistoryMode == ModeLegacy {
		return fmt.Errorf("reverting %s: its lines have no ordinals", r.path)
	}
	if err := r.flushLocked(nil); err != nil {
		return err
	}
	id, ok := segmentID(at.Path)
	if !ok {
		return fmt.Errorf("reverting %s: %s has no name to refer to", r.path, at.Path)
	}
	segment, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("reverting %s: %w", r.path, err)
	}
	return r.goOn(&Base{id, at.Ordinal, at.Offset}, segment.String())
}

// goOn switches to a new segment. The old one stays in use if the new one cannot be written.
func (r *Recorder) goOn(base *Base, segment string) error {
	old := *r.fileState()
	r.meta.Timestamp = r.store.now()
	r.meta.Base = base
	if r.meta.ForkedFromEnd != nil && base.EndOrdinal < *r.meta.ForkedFromEnd {
		end := base.EndOrdinal
		r.meta.ForkedFromEnd = &end
	}
	r.path = r.store.newPath(r.meta.ID, segment, r.meta.Timestamp)
	r.file, r.size, r.overhang = nil, 0, false
	line := r.meta.appendJSON(r.open(nil, kindMeta, base.EndOrdinal, r.meta.Timestamp))
	if err := r.flushLocked(append(line, "}\n"...)); err != nil {
		if r.file != nil {
			_ = r.file.Close()
		}
		r.restore(old)
		return err
	}
	_ = old.file.Close()
	return nil
}

// fileState is what belongs to the file that a recorder writes.
type fileState struct {
	meta     Meta
	path     string
	file     logFile
	size     int64
	next     uint64
	overhang bool
}

func (r *Recorder) fileState() *fileState {
	return &fileState{r.meta, r.path, r.file, r.size, r.next, r.overhang}
}

func (r *Recorder) restore(s fileState) {
	r.meta, r.path, r.file, r.size, r.next, r.overhang = s.meta, s.path, s.file, s.size, s.next, s.overhang
	r.pending = nil
}
