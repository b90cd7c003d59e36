package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// Faults of a record, from harmless to lost.
const (
	FaultNone    = ""
	FaultUnknown = "unknown" // of a type that is not known here; it is kept
	FaultText    = "badText" // has bytes that are no UTF-8; they are replaced when it is read
	FaultOrdinal = "ordinal" // its ordinal is missing, repeated or out of order
	FaultUnread  = "unread"  // no record, or one whose payload is broken: it is skipped
	FaultTorn    = "torn"    // the last line was never finished: it is skipped
)

// Verdict is what a check says of one line of a file.
type Verdict struct {
	Line    int     `json:"line"` // counted from 1
	Offset  int64   `json:"offset"`
	Bytes   int     `json:"bytes"`
	Type    string  `json:"type,omitempty"`
	Ordinal *uint64 `json:"ordinal,omitempty"`
	Fault   string  `json:"fault,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Checkup sums a check up.
type Checkup struct {
	ThreadID string `json:"threadId"` // empty where no line says
	Path     string `json:"path"`
	Mode     string `json:"historyMode"`
	Records  int    `json:"records"`
	Faults   int    `json:"faults"`  // records with a fault other than FaultUnknown
	Lost     int    `json:"lost"`    // of them, those that cannot be read
	Missing  string `json:"missing"` // id of a thread that this one begins with and that is gone
}

// Sound reports whether everything that was written can be read.
func (c *Checkup) Sound() bool { return c.Faults == 0 && c.Missing == "" && c.ThreadID != "" }

// Check looks at every line of a thread's file, given by id or by path, and calls f with what it finds. With a
// writer, a copy goes there in which all that can be mended is: broken lines are left out, bad text is replaced,
// ordinals rise one by one.
func (s *Store) Check(ref string, f func(Verdict) error, mended io.Writer) (c Checkup, err error) {
	if c.Path, err = s.resolve(ref); err != nil {
		return c, err
	}
	file, err := os.Open(c.Path)
	if err != nil {
		return c, fmt.Errorf("checking rollout: %w", err)
	}
	defer file.Close()
	k := checker{Checkup: c, mended: mended}
	h := &History{Path: c.Path}
	if err := h.readMeta(&source{path: c.Path, end: noEnd}); err == nil {
		k.ThreadID, k.Mode = h.Meta.ID, h.Meta.HistoryMode
		if err := s.inherit(h); err != nil {
			return k.Checkup, err
		}
		k.Missing = h.Warnings.MissingBase
	} else if !errors.Is(err, ErrEmpty) {
		return c, err
	}
	lines := newLineReader(file, 0, 64<<10)
	for n := 1; ; n++ {
		line, off, whole, err := lines.next()
		if err == io.EOF {
			return k.Checkup, nil
		}
		v := Verdict{Line: n, Offset: off, Bytes: len(line)}
		switch {
		case errors.Is(err, errLineTooLong):
			v.Fault, v.Reason = FaultUnread, err.Error()
		case err != nil:
			return k.Checkup, fmt.Errorf("checking rollout %s: %w", c.Path, err)
		case blank(line):
			continue
		default:
			if err := k.line(&v, line, whole); err != nil {
				return k.Checkup, err
			}
		}
		k.count(v)
		if f != nil {
			if err := f(v); err != nil {
				return k.Checkup, err
			}
		}
	}
}

// checker looks at lines in order.
type checker struct {
	Checkup
	mended io.Writer
	seen   bool   // a line with an ordinal went by
	next   uint64 // the ordinal after it
	out    uint64 // the ordinal after the last one that was written to the copy
	wrote  bool
}

func (k *checker) count(v Verdict) {
	k.Records++
	switch v.Fault {
	case FaultNone, FaultUnknown:
		return
	case FaultUnread, FaultTorn:
		k.Lost++
	}
	k.Faults++
}

func (k *checker) line(v *Verdict, line []byte, whole bool) error {
	if v.Offset == 0 {
		line = bytes.TrimPrefix(line, bom)
	}
	rec, ok := parseLine(line)
	if ok {
		v.Type = string(rec.kind)
	}
	sound, repaired := false, false
	if ok {
		sound, repaired = rec.sound()
		if e := rec.eventType(); sound && len(e) > 0 && v.Type != kindMeta {
			v.Type += "/" + string(e)
		}
	}
	switch {
	case !whole && !sound:
		v.Fault, v.Reason = FaultTorn, "the last line was never finished"
	case !ok:
		v.Fault, v.Reason = FaultUnread, "no record"
	case !sound:
		v.Fault, v.Reason = FaultUnread, "its payload is no JSON"
	}
	if v.Fault != FaultNone {
		return nil
	}
	if repaired {
		v.Fault, v.Reason = FaultText, "bytes that are no UTF-8"
	} else if !knownKind(string(rec.kind)) {
		v.Fault, v.Reason = FaultUnknown, "a record type of another version; it is kept"
	}
	k.ordinal(v, &rec)
	return k.copy(&rec)
}

// ordinal looks at the order of a paginated file.
func (k *checker) ordinal(v *Verdict, rec *record) {
	if rec.hasOrdinal {
		n := rec.ordinal
		v.Ordinal = &n
	}
	if k.Mode != ModePaginated {
		return
	}
	switch {
	case !rec.hasOrdinal:
		v.Fault, v.Reason = FaultOrdinal, "it has no ordinal"
	case k.seen && rec.ordinal != k.next:
		v.Fault, v.Reason = FaultOrdinal, fmt.Sprintf("its ordinal is %d, not %d", rec.ordinal, k.next)
	}
	if rec.hasOrdinal {
		k.seen, k.next = true, max(k.next, rec.ordinal+1)
	}
}

// copy writes a sound record to the copy, if there is one.
func (k *checker) copy(rec *record) error {
	if k.mended == nil {
		return nil
	}
	b := append(append([]byte(`{"timestamp":"`), rec.stamp...), '"')
	if k.Mode == ModePaginated {
		if !k.wrote {
			k.out = rec.ordinal
		}
		b = strconv.AppendUint(append(b, `,"ordinal":`...), k.out, 10)
		k.out++
		k.wrote = true
	}
	b = append(append(append(b, `,"type":"`...), rec.kind...), `","payload":`...)
	b = append(append(b, rec.payload...), "}\n"...)
	if _, err := k.mended.Write(b); err != nil {
		return fmt.Errorf("writing the mended copy of %s: %w", k.Path, err)
	}
	return nil
}

// knownKind reports whether a record type is one that some host of this format writes.
func knownKind(kind string) bool {
	switch kind {
	case kindMeta, kindItem, kindEvent, kindContext, kindCompacted, "world_state", "token_usage_record",
		"inter_agent_communication", "inter_agent_communication_metadata", "security_risk_score", "realtime_item":
		return true
	}
	return false
}

// Files are the paths of all rollouts, the active ones and the archived ones, newest first.
func (s *Store) Files() (paths []string, err error) {
	add := func(dir *folder) bool {
		for _, e := range dir.files {
			paths = append(paths, e.path)
		}
		return true
	}
	if err := s.days("", add); err != nil {
		return nil, fmt.Errorf("listing rollouts: %w", err)
	}
	dir, err := s.listing.read(s.archive())
	if err != nil {
		return nil, fmt.Errorf("listing rollouts: %w", err)
	}
	add(dir)
	return paths, nil
}
