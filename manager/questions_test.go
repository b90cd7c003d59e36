package manager

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codexhost/codexhost/manager/thread"
)

// answerer is a client that answers when it is told to.
type answerer struct {
	answers   chan error // nil answers, an error cannot
	name      string
	withdrawn bool
}

func (*answerer) Event(context.Context, thread.Event) {}

func (a *answerer) Ask(ctx context.Context, _ thread.Question) ([]byte, error) {
	select {
	case err := <-a.answers:
		return []byte(a.name), err
	case <-ctx.Done():
		a.withdrawn = true
		return nil, ctx.Err()
	}
}

func newAnswerer(h *hub, name string) (*Client, *answerer) {
	a := &answerer{answers: make(chan error, 1), name: name}
	return &Client{hub: h, observer: a}, a
}

func newHub() *hub {
	return &hub{subscribers: make(map[string][]*Client), open: make(map[string][]*question)}
}

func TestQuestions(t *testing.T) {
	cannot := errors.New("cannot")
	for _, c := range []struct {
		name   string
		late   bool // the second client joins while the question is open
		script func(first, second *answerer)
		want   string
		err    error
	}{
		{"the first answer wins", false, func(_, second *answerer) { second.answers <- nil }, "second", nil},
		{"one that cannot leaves it to the other", false, func(first, second *answerer) {
			first.answers <- cannot
			synctest.Wait()
			second.answers <- nil
		}, "second", nil},
		{"none can", false, func(first, second *answerer) {
			first.answers <- cannot
			synctest.Wait()
			second.answers <- cannot
		}, "", cannot},
		{"one that joins late is asked, once", true, func(_, second *answerer) { second.answers <- nil }, "second", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub()
				one, first := newAnswerer(h, "first")
				two, second := newAnswerer(h, "second")
				one.Subscribe("t")
				if !c.late {
					two.Subscribe("t")
				}
				go func() {
					synctest.Wait() // until the question is open
					two.Subscribe("t")
					two.CatchUp("t")
					c.script(first, second)
				}()
				got, err := h.Ask(t.Context(), thread.Question{ThreadID: "t"})
				if string(got) != c.want && err == nil || !errors.Is(err, c.err) {
					t.Errorf("got %q, %v", got, err)
				}
				if err == nil && !first.withdrawn && c.name != "one that cannot leaves it to the other" {
					t.Error("the question was not withdrawn from the first client")
				}
				if len(h.open) != 0 {
					t.Errorf("open: %v", h.open)
				}
			})
		})
	}
}

func TestQuestionsNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		if _, err := h.Ask(t.Context(), thread.Question{ThreadID: "t"}); !errors.Is(err, errNobody) {
			t.Errorf("without a client: %v", err)
		}
		c, a := newAnswerer(h, "deaf")
		c.Subscribe("t")
		began := time.Now()
		_, err := patientAsker{h, time.Minute}.Ask(t.Context(), thread.Question{ThreadID: "t"})
		if err == nil || err.Error() != "nobody answered within 1m0s" || time.Since(began) != time.Minute || !a.withdrawn {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}
