package plugins_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// talker is a provider that talks to its host.
type talker struct {
	provider
	host skill.Host
}

var talkerManifest = serve.Manifest{
	Name: "talker", Version: "1.2", Description: "Talks.", Capabilities: []string{"small talk"},
	Env: []serve.Variable{{Name: "TALK", Why: "to talk", Required: true}}, Needs: []string{"elicit"},
	Settings: []serve.Setting{{Name: "words", Description: "how many", Required: true}},
}

func (t *talker) Attach(h skill.Host) { t.host = h }

func (t *talker) Read(ctx context.Context, req skill.ReadRequest) (skill.Content, error) {
	switch req.Path {
	case "settings":
		b, err := t.host.Settings(ctx)
		return skill.Content{Text: b}, err
	case "log":
		t.host.Log("warning", "a word \xff of warning")
		return text("logged")
	case "changed":
		for range 1000 {
			t.host.Changed()
		}
		return text("told")
	case "ask":
		b, err := t.host.Elicit(ctx, json.RawMessage(`{"message":"Why?"}`))
		return skill.Content{Text: b}, err
	case "ask-alone": // not on behalf of the call
		_, err := t.host.Elicit(context.Background(), json.RawMessage(`{"message":"Why?"}`))
		return skill.Content{}, err
	case "ask-nonsense":
		_, err := t.host.Elicit(ctx, json.RawMessage(`{`))
		return skill.Content{}, err
	case "ask-and-withdraw":
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := t.host.Elicit(ctx, json.RawMessage(`{"message":"Why?"}`))
		if !errors.Is(err, context.DeadlineExceeded) {
			return skill.Content{}, err
		}
		return text("withdrawn")
	}
	return t.provider.Read(ctx, req)
}

func TestManifest(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("talks"), builtin("good"))
	manifest := func(name string) *plugins.Manifest {
		mustRead(t, h, name, "pid")
		for _, s := range h.Status() {
			if s.Name == name {
				return s.Manifest
			}
		}
		return nil
	}
	soon := func(name string) (m *plugins.Manifest) {
		await(t, "the manifest of "+name, 10*time.Second, func() bool { m = manifest(name); return m != nil })
		return m
	}
	want := talkerManifest
	want.Contracts = map[string][]int{"skill": {1}}
	if m := soon("talks"); !reflect.DeepEqual(*m, want) {
		t.Errorf("got %+v\nwant %+v", *m, want)
	}
	if m := soon("good"); m.Name == "" || m.Version == "" || len(m.Contracts["skill"]) != 1 {
		t.Errorf("whoever says nothing has %+v", *m)
	}
}

func TestSettings(t *testing.T) {
	spec := builtin("talks")
	spec.Settings = json.RawMessage(`{"words":3}`)
	h := newHost(t, plugins.Options{}, spec)
	if got := mustRead(t, h, "talks", "settings"); got != `{"words":3}` {
		t.Errorf("got %s", got)
	}
	first := mustRead(t, h, "talks", "pid")
	spec.Settings = nil
	if err := h.Configure(t.Context(), []plugins.Spec{spec}); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, h, "talks", "settings"); got != `{}` {
		t.Errorf("after a change: %s", got)
	}
	if mustRead(t, h, "talks", "pid") == first {
		t.Error("the process did not change with its settings")
	}
}

func TestLogAndChanged(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	told := make(chan string, 100)
	h := newHost(t, plugins.Options{
		Logger:    hclog.New(&hclog.LoggerOptions{Output: &lockedWriter{mu: &mu, to: &log}, Level: hclog.Trace}),
		OnChanged: func(name string) { told <- name },
	}, builtin("talks"))
	mustRead(t, h, "talks", "settings") // it is listened to
	mustRead(t, h, "talks", "log")
	mustRead(t, h, "talks", "changed")
	select {
	case name := <-told:
		if name != "talks" {
			t.Errorf("%s has changed", name)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
	await(t, "the log", 10*time.Second, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), "[WARN]") && strings.Contains(log.String(), "a word \uFFFD of warning")
	})
	if n := len(told); n > 50 {
		t.Errorf("told %d times more", n)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

func TestElicit(t *testing.T) {
	h := newHost(t, plugins.Options{}, builtin("talks"))
	mustRead(t, h, "talks", "settings")
	readAsking := func(path string, a plugins.Asker) (string, error) {
		p, err := plugins.Get[skill.Provider](t.Context(), h, "talks")
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Read(plugins.WithAsker(t.Context(), a), skill.ReadRequest{Path: path})
		return string(c.Text), err
	}
	answer := func(_ context.Context, plugin string, params json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(`{"of":"` + plugin + `","to":` + string(params) + `}`), nil
	}
	if got, err := readAsking("ask", answer); err != nil || got != `{"of":"talks","to":{"message":"Why?"}}` {
		t.Errorf("%q, %v", got, err)
	}
	refuse := func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		return nil, errors.New("nobody is there")
	}
	withdrawn := make(chan struct{})
	wait := func(ctx context.Context, _ string, _ json.RawMessage) (json.RawMessage, error) {
		<-ctx.Done()
		close(withdrawn)
		return nil, ctx.Err()
	}
	for path, c := range map[string]struct {
		ask  plugins.Asker
		says string
	}{
		"ask":          {refuse, "nobody is there"},
		"ask-alone":    {answer, "belongs to no call"},
		"ask-nonsense": {answer, "no JSON"},
	} {
		if _, err := readAsking(path, c.ask); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := read(t, h, "talks", "ask"); err == nil || !strings.Contains(err.Error(), "belongs to no call") {
		t.Errorf("a call that nobody can be asked about: %v", err)
	}
	if got, err := readAsking("ask-and-withdraw", wait); err != nil || got != "withdrawn" {
		t.Errorf("%q, %v", got, err)
	}
	select {
	case <-withdrawn:
	case <-time.After(10 * time.Second):
		t.Error("the question outlives the wish for an answer")
	}
}

// await waits for f to become true.
func await(t *testing.T, what string, limit time.Duration, f func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, limit)
		case <-tick.C:
		}
	}
}
