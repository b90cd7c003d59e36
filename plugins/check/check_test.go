package check_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/check/checktest"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/mcptest"
)

// patient limits are no test of the machine: a good plugin is never that late.
var patient = check.Limits{Start: time.Minute, Answer: time.Minute, Late: time.Minute, End: time.Minute}

// quick lets the race detector of a plugin end it at once: nobody would hear of a late race.
const quick = "GORACE=atexit_sleep_ms=0"

func run(t *testing.T, target check.Target, limits check.Limits) check.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	target.Env = append(target.Env, quick)
	r, err := check.Run(ctx, target, limits, nil)
	if err != nil {
		t.Error(err)
	}
	return r
}

func failed(r check.Report) (names []string) {
	for _, x := range r.Results {
		if x.Verdict == check.Failed {
			names = append(names, x.Rule)
		}
	}
	return names
}

func TestGoodPlugins(t *testing.T) {
	friend := &mcp.Config{Command: executable(t), Args: []string{mcptest.Arg}, Env: map[string]string{"GORACE": "atexit_sleep_ms=0"}}
	wordcount := func() *mcp.Config { return &mcp.Config{Command: checktest.Build(t, "../examples/wordcount")} }
	ofServers := []string{"listing", "answers", "deadline", "cancel", "concurrent", "big", "unknown-fields", "panic"}
	for _, c := range []struct {
		plugin, kind string
		server       func() *mcp.Config
		rules        []string
	}{
		{"builtin-skills", "skill", nil, nil},
		{"builtin-mcp", "mcp", func() *mcp.Config { return friend }, nil},
		{"builtin-mcp", "mcp", wordcount, ofServers},
		{"builtin-mcp", "mcp", nil, ofServers},
		{"sdk-skill", "skill", nil, nil}, // the other one is TestAsGoTest's
		{"skill", "skill", nil, nil},     // those that the bad ones below are made from
		{"mcp", "mcp", nil, nil},
	} {
		t.Run(c.plugin, func(t *testing.T) {
			t.Parallel()
			target := check.Target{Path: executable(t), Args: []string{"plugin", c.plugin, "nothing"}, Rules: c.rules}
			if c.server != nil {
				target.Server = c.server()
			}
			r := run(t, target, patient)
			if !r.Passed || r.Kind != c.kind || r.Version != 1 {
				t.Errorf("passed: %v, kind %q, version %d", r.Passed, r.Kind, r.Version)
			}
			for _, x := range r.Results {
				if x.Verdict != check.Passed {
					t.Errorf("%s: %s: %s %q", x.Rule, x.Verdict, x.Detail, x.Stderr)
				}
			}
		})
	}
}

// impatient is what must be short for a rule to be broken by doing nothing.
func impatient(kind, rule string) check.Limits {
	l := patient
	l.Settle = 20 * time.Second // a stream that must not end: it is looked at until it does
	switch kind + "/" + rule {
	case "skill/handshake", "mcp/handshake":
		l.Start = 500 * time.Millisecond
	case "skill/shutdown", "mcp/shutdown", "skill/host-death", "mcp/host-death":
		l.End = 500 * time.Millisecond
	case "mcp/deadline", "mcp/cancel":
		l.Late = 500 * time.Millisecond
	case "skill/deadline", "skill/cancel", "skill/concurrent", "mcp/answers", "mcp/concurrent", "mcp/unknown-fields":
		l.Answer = 2 * time.Second
	}
	return l
}

// Every rule is broken by a plugin that is good but for it, and says so by name.
// Most of the time is spent waiting, so more of them run than there are cores.
func TestBadPlugins(t *testing.T) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 6)
	var mu sync.Mutex
	broken := map[string]bool{}
	for _, kind := range []string{"skill", "mcp"} {
		for i, rule := range check.Rules() {
			if kind == "mcp" && i < firstOfContract {
				continue // the kind makes no difference to it
			}
			wg.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				target := check.Target{Path: executable(t), Args: []string{"plugin", kind, rule.Rule}, Rules: []string{rule.Rule}}
				got := failed(run(t, target, impatient(kind, rule.Rule)))
				if !slices.Equal(got, []string{rule.Rule}) {
					t.Errorf("a plugin of kind %s that breaks %s fails %v", kind, rule.Rule, got)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, name := range got {
					broken[name] = true
				}
			})
		}
	}
	wg.Wait()
	for _, rule := range check.Rules() {
		if !broken[rule.Rule] {
			t.Errorf("no bad plugin fails the rule %s", rule.Rule)
		}
	}
}

// firstOfContract is the first rule whose trial depends on the kind.
const firstOfContract = 6

// Tried by all rules, a bad plugin fails those that it breaks, and no other.
func TestNothingElseFails(t *testing.T) {
	t.Parallel()
	got := run(t, check.Target{Path: executable(t), Args: []string{"plugin", "skill", "answers"}}, patient)
	if names := failed(got); !slices.Equal(names, []string{"answers"}) {
		t.Errorf("failed: %v", names)
	}
}

// A plugin that serves its contract and nothing beside it is as good as others.
func TestPlainPlugin(t *testing.T) {
	t.Parallel()
	limits := patient
	limits.Settle = 20 * time.Second // no stream ends at once
	target := check.Target{Path: executable(t), Args: []string{"plugin", "skill", "plain"}, Rules: []string{"manifest", "host-stream", "callbacks", "host-unknown"}}
	r := run(t, target, limits)
	for _, x := range r.Results[len(r.Results)-4:] {
		if x.Verdict != check.Skipped {
			t.Errorf("%s: %s %s", x.Rule, x.Verdict, x.Detail)
		}
	}
}

func TestNoPlugin(t *testing.T) {
	if _, err := check.Run(t.Context(), check.Target{Path: t.TempDir()}, patient, nil); err == nil {
		t.Error("a folder was checked")
	}
	if _, err := check.Run(t.Context(), check.Target{Path: executable(t), Kind: "theme"}, patient, nil); err == nil {
		t.Error("a plugin of no known kind was checked")
	}
	if _, err := check.Run(t.Context(), check.Target{Path: executable(t), Rules: []string{"be-nice"}}, patient, nil); err == nil {
		t.Error("a rule that there is not was tried")
	}
}

func TestAsGoTest(t *testing.T) {
	checktest.Run(t, check.Target{Path: executable(t), Args: []string{"plugin", "sdk-mcp", "nothing"}, Kind: mcp.Kind, Env: []string{quick}})
}
