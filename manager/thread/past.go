package thread

import (
	"encoding/json"
	"sync"

	"github.com/codexhost/codexhost/rollout"
)

// A Past is what the model has seen of a thread up to some moment. It never
// changes, so threads may share one: a fork costs no copy of it.
type Past struct{ history history }

// share is the history as it stands. What is added to either one later does not
// show in the other.
func (h *history) share() *Past {
	n, m := len(h.items), len(h.calls)
	return &Past{history{items: h.items[:n:n], calls: h.calls[:m:m], open: h.open, bytes: h.bytes}}
}

// with is the past and a few items more.
func (p *Past) with(items []json.RawMessage) *Past {
	if len(items) == 0 {
		return p
	}
	h := p.history
	for _, raw := range items {
		h.add(raw)
	}
	return h.share()
}

// Items is what the model has seen, item by item. It is not to be changed.
func (p *Past) Items() []json.RawMessage { return p.history.items }

// remember makes the thread's history of what its spec says there is. It may be left
// in the file until the first turn needs it.
func (t *Thread) remember() {
	switch {
	case t.spec.Past != nil:
		h := t.spec.Past.history
		t.history = &h
	default:
		t.history = newHistory(t.spec.History)
	}
	t.spec.History, t.spec.Past = nil, nil // the history holds it now
	if t.spec.Recall == nil {
		t.past = t.history.share()
	} else {
		t.spec.Recall = sync.OnceValues(t.spec.Recall)
		t.ahead = t.spec.Recall
	}
	t.counted()
}

// counted takes the history for what the server last counted the tokens of. Of
// one that nobody counted, the tokens are estimated.
func (t *Thread) counted() {
	if t.spec.LastUsage != nil {
		t.countedBytes = t.history.bytes
	}
}

// recall makes the history whole before a turn: it is read if that was put off,
// and has what was injected since. Only its owner may.
func (t *Thread) recall() error {
	if t.spec.Recall != nil {
		items, err := t.spec.Recall()
		if err != nil {
			return err
		}
		t.history, t.spec.Recall = newHistory(items), nil
		t.mu.Lock()
		t.ahead = nil
		t.mu.Unlock()
		t.counted()
	}
	t.takeInjected()
	return nil
}

// ReadAhead has a history that lies in the file read now, in the background: the
// first turn will not be long in coming. Shutdown waits for it.
func (t *Thread) ReadAhead() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if read := t.ahead; read != nil && !t.closing {
		t.reading.Go(func() { _, _ = read() }) // the turn that needs it hears of the error
	}
}

// stopReading waits for what goes on in the background: the reading of the history,
// and attempts to write. None is begun any more.
func (t *Thread) stopReading() {
	t.mu.Lock()
	t.closing, t.ahead = true, nil
	close(t.ended)
	t.mu.Unlock()
	t.reading.Wait()
}

// A Moment is how a thread stands between two steps of it.
type Moment struct {
	Snapshot
	// At is where the thread's file ends; zero without a file.
	At rollout.Position
	// Past is what the model has seen; nil while a turn runs, and until a thread
	// that put its reading off has read it.
	Past *Past
}

// Moment is how the thread stands now, between two steps: the file ends where
// the past does.
func (t *Thread) Moment() Moment {
	t.telling.Lock()
	defer t.telling.Unlock()
	m := Moment{Snapshot: t.Snapshot()}
	if t.spec.Recorder != nil {
		m.At = t.spec.Recorder.Position()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.active == nil && m.ActiveTurn == "" && t.past != nil {
		m.Past = t.past.with(t.injected)
	}
	return m
}
