package manager

import (
	"context"
	"fmt"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// damage is what is told of records that could not be read as they were meant;
// nil if all could be.
func damage(w rollout.Warnings) *protocol.WarningNotification {
	var text string
	switch {
	case w.MissingBase != "":
		text = fmt.Sprintf("This thread builds on another one, %s, whose file is gone: what came before is missing.", w.MissingBase)
	case w.Skipped+w.Repaired == 0:
		return nil
	}
	if n := w.Skipped; n > 0 {
		text += fmt.Sprintf(" %d damaged records of this thread were skipped; all others are here.", n)
	}
	if n := w.Repaired; n > 0 {
		text += fmt.Sprintf(" %d records of this thread had bytes that are no text; they were replaced.", n)
	}
	if len(w.First) > 0 {
		f := w.First[0]
		text += fmt.Sprintf(" The first is at byte %d of %s (%s). `codexhost threads check` shows them all.", f.Offset, f.Path, f.Reason)
	}
	if text[0] == ' ' {
		text = text[1:]
	}
	return &protocol.WarningNotification{Message: text}
}

// damaged notes that somebody is told of a thread's damage.
func (l *live) damaged(w *protocol.WarningNotification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = l.told || w != nil
}

// warnOf tells those who hear a thread of its damage.
func (m *Manager) warnOf(ctx context.Context, id string, w *protocol.WarningNotification) {
	if w == nil {
		return
	}
	w.ThreadID = &id
	m.hub.Event(ctx, thread.Event{Thread: id, Kind: thread.Told, Method: "warning", Params: w})
}

// warnOnce is warnOf for damage that was found when a turn needed the history;
// whoever resumed the thread with its turns has heard of it.
func (m *Manager) warnOnce(id string, w rollout.Warnings) {
	l, found := m.loaded(id), damage(w)
	if l == nil || found == nil {
		return
	}
	l.mu.Lock()
	heard := l.told
	l.told = true
	l.mu.Unlock()
	if !heard {
		m.warnOf(context.Background(), id, found)
	}
}
