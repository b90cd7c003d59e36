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

// short limits make a test of the plugins that keep a rule waiting.
var short = check.Limits{Start: 3 * time.Second, Answer: 1500 * time.Millisecond, Late: time.Second, End: 1500 * time.Millisecond}

func run(t *testing.T, target check.Target, limits check.Limits) check.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
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
	friend := &mcp.Config{Command: executable(t), Args: []string{mcptest.Arg}}
	wordcount := func() *mcp.Config { return &mcp.Config{Command: checktest.Build(t, "../examples/wordcount")} }
	for _, c := range []struct {
		plugin, kind string
		server       func() *mcp.Config
	}{
		{"builtin-skills", "skill", nil},
		{"builtin-mcp", "mcp", nil},
		{"builtin-mcp", "mcp", func() *mcp.Config { return friend }},
		{"builtin-mcp", "mcp", wordcount},
		{"sdk-skill", "skill", nil},
		{"sdk-mcp", "mcp", nil},
		{"skill", "skill", nil}, // those that the bad ones below are made from
		{"mcp", "mcp", nil},
	} {
		t.Run(c.plugin, func(t *testing.T) {
			t.Parallel()
			target := check.Target{Path: executable(t), Args: []string{"plugin", c.plugin, "nothing"}}
			if c.server != nil {
				target.Server = c.server()
			}
			r := run(t, target, check.Limits{})
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

// drags says which rules cannot but fail with another.
var drags = map[string][]string{
	"skill/concurrent": {"deadline", "cancel"},
	"mcp/concurrent":   {"cancel"},
}

// Every rule is broken by a plugin that is good but for it, and says so by name.
// Most of the time is spent waiting, so more of them run than there are cores.
func TestBadPlugins(t *testing.T) {
	type trial struct {
		kind, rule string
		report     check.Report
	}
	var trials []*trial
	for _, kind := range []string{"skill", "mcp"} {
		for i, rule := range check.Rules() {
			if kind == "skill" || i >= firstOfContract {
				trials = append(trials, &trial{kind: kind, rule: rule.Rule})
			}
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 6)
	for _, x := range trials {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			x.report = run(t, check.Target{Path: executable(t), Args: []string{"plugin", x.kind, x.rule}}, short)
		})
	}
	wg.Wait()
	for _, x := range trials {
		t.Run(x.kind+"/"+x.rule, func(t *testing.T) {
			got := failed(x.report)
			if !slices.Contains(got, x.rule) {
				t.Errorf("it is not failed; these are: %v", got)
			}
			for _, r := range x.report.Results {
				switch {
				case r.Verdict != check.Failed:
				case r.Rule != x.rule && !slices.Contains(drags[x.kind+"/"+x.rule], r.Rule):
					t.Errorf("%s failed too: %s", r.Rule, r.Detail)
				default:
					t.Logf("%s: %s", r.Rule, r.Detail)
				}
			}
		})
	}
}

// firstOfContract is the first rule whose trial depends on the kind.
const firstOfContract = 6

func TestNoPlugin(t *testing.T) {
	if _, err := check.Run(t.Context(), check.Target{Path: t.TempDir()}, short, nil); err == nil {
		t.Error("a folder was checked")
	}
	if _, err := check.Run(t.Context(), check.Target{Path: executable(t), Kind: "theme"}, short, nil); err == nil {
		t.Error("a plugin of no known kind was checked")
	}
}

func TestAsGoTest(t *testing.T) {
	checktest.Run(t, check.Target{Path: executable(t), Args: []string{"plugin", "sdk-mcp", "nothing"}, Kind: mcp.Kind})
}
