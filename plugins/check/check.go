package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/serve"
	"github.com/codexhost/codexhost/plugins/skill"
)

// Target says which program to check.
type Target struct {
	Path string // of the executable
	Args []string
	// Kind is what the plugin is said to be, skill or mcp; empty finds out.
	Kind string
	// Env holds NAME=value that the plugin gets beyond the handshake's and the
	// few that every process needs (PATH, HOME, ...).
	Env []string
	// Server is what a provider of kind mcp runs where a rule needs a server and
	// the provider brings none of its own. Nil skips such rules.
	Server *mcp.Config
	// Settings is what the plugin is told when it asks for its own, a JSON object;
	// empty means none.
	Settings json.RawMessage
	// Rules are those to try, beside the ones that these wait for; empty means all.
	Rules []string
}

// Limits are the waits of a check. A plugin fails a rule for being later.
type Limits struct {
	Start  time.Duration // from the start of the process to its handshake
	Answer time.Duration // for a call that has no deadline of its own
	Late   time.Duration // by which a call may outlive its deadline, or a withdrawal
	End    time.Duration // from being told to end, or left alone, to the end of the process
	Settle time.Duration // for which a stream is looked at that must not end
}

// DefaultLimits are those of the host, as far as it has them.
func DefaultLimits() Limits {
	return Limits{Start: 10 * time.Second, Answer: 5 * time.Second, Late: time.Second, End: 1500 * time.Millisecond, Settle: 30 * time.Millisecond}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ have, def *time.Duration }{
		{&l.Start, &d.Start}, {&l.Answer, &d.Answer}, {&l.Late, &d.Late}, {&l.End, &d.End}, {&l.Settle, &d.Settle},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	return l
}

// Verdict is what became of a rule.
type Verdict string

// The verdicts.
const (
	Passed  Verdict = "passed"
	Failed  Verdict = "failed"
	Skipped Verdict = "skipped" // it does not apply, or an earlier rule must pass first
)

// Result is one rule's.
type Result struct {
	Rule    string        `json:"rule"`
	Promise string        `json:"promise"` // what a plugin that passes does
	Verdict Verdict       `json:"verdict"`
	Detail  string        `json:"detail,omitempty"` // why it failed or was skipped
	Stderr  []string      `json:"stderr,omitempty"` // the plugin's last lines, when it failed
	Took    time.Duration `json:"tookNs"`
}

// Report is the outcome of a check.
type Report struct {
	Command []string `json:"command"`
	Kind    string   `json:"kind"`    // empty if it is none
	Version int      `json:"version"` // of the contract
	Passed  bool     `json:"passed"`  // no rule failed
	Results []Result `json:"results"` // in the order of Rules
	// Manifest is what the plugin says of itself; nil if it does not, or not well.
	Manifest *serve.Manifest `json:"-"`
}

// Run checks a program against all rules, within limits whose zero fields take
// the defaults. The error is that the check could not be made; a bad plugin is
// none. tell, if set, hears of each result as it comes.
func Run(ctx context.Context, t Target, limits Limits, tell func(Result)) (Report, error) {
	path, err := filepath.Abs(t.Path)
	if err != nil {
		return Report{}, fmt.Errorf("finding %s: %w", t.Path, err)
	}
	t.Path = path
	if info, err := os.Stat(path); err != nil {
		return Report{}, fmt.Errorf("looking for the plugin: %w", err)
	} else if info.IsDir() {
		return Report{}, fmt.Errorf("%s is a folder: build the plugin and name its program", path)
	}
	dir, err := os.MkdirTemp("", "cxck")
	if err != nil {
		return Report{}, fmt.Errorf("making the check's folder: %w", err)
	}
	defer os.RemoveAll(dir)
	s := &suite{target: t, limits: limits.orDefault(), dir: dir}
	if err := s.prepare(); err != nil {
		return Report{}, err
	}
	r := Report{Command: append([]string{path}, t.Args...), Passed: true}
	for _, rule := range s.wanted() {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		result := s.try(ctx, rule)
		r.Passed = r.Passed && result.Verdict != Failed
		r.Results = append(r.Results, result)
		if tell != nil {
			tell(result)
		}
	}
	if s.contract != nil {
		r.Kind, r.Version, r.Manifest = s.contract.kind(), s.version, s.manifest
	}
	return r, ctx.Err()
}

// Rules lists the rules with what they ask, in the order in which they are tried.
func Rules() []Result {
	all := rules()
	out := make([]Result, len(all))
	for i, r := range all {
		out[i] = Result{Rule: r.name, Promise: r.promise}
	}
	return out
}

// suite is one check.
type suite struct {
	target Target
	limits Limits
	dir    string // ours: sockets, and a workspace for the plugin to look at

	up       bool     // the handshake works
	contract contract // nil until the kind is known
	version  int
	manifest *serve.Manifest // nil until it is known
}

// wanted are the rules to try, in order.
func (s *suite) wanted() []rule {
	all := rules()
	if len(s.target.Rules) == 0 {
		return all
	}
	kinded := slices.ContainsFunc(all, func(r rule) bool { return r.needsKind && slices.Contains(s.target.Rules, r.name) })
	return slices.DeleteFunc(all, func(r rule) bool {
		return !slices.Contains(s.target.Rules, r.name) && r.name != ruleHandshake && !(kinded && r.name == ruleKind)
	})
}

// contract is what a kind of provider is asked. Each method has a fresh process
// to itself and returns what the plugin did wrong.
type contract interface {
	kind() string
	listing(ctx context.Context, p *process) error
	answers(ctx context.Context, p *process) error
	deadline(ctx context.Context, p *process) error
	cancel(ctx context.Context, p *process) error
	concurrent(ctx context.Context, p *process) error
	big(ctx context.Context, p *process) error
	grease(ctx context.Context, p *process) error
	odd(ctx context.Context, p *process) error
	// occupy leaves the plugin with something to do, for the rules about its end.
	occupy(ctx context.Context, p *process) error
}

func (s *suite) workspace() string { return filepath.Join(s.dir, "w") }

// prepare makes a workspace with one skill in it.
func (s *suite) prepare() error {
	switch s.target.Kind {
	case "", skill.Kind, mcp.Kind:
	default:
		return fmt.Errorf("there are no plugins of kind %q: want %s or %s", s.target.Kind, skill.Kind, mcp.Kind)
	}
	for _, name := range s.target.Rules {
		if !slices.ContainsFunc(rules(), func(r rule) bool { return r.name == name }) {
			return fmt.Errorf("there is no rule %q", name)
		}
	}
	dir := filepath.Join(s.workspace(), "skills", "check-me")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the check's folder: %w", err)
	}
	text := "---\nname: check-me\ndescription: A skill for providers that look into folders.\n---\n\n# Check me\n"
	if err := os.WriteFile(filepath.Join(dir, "SKILL.md"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("making the check's folder: %w", err)
	}
	return nil
}

// skip is the error of a rule that does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// try tries one rule.
func (s *suite) try(ctx context.Context, r rule) Result {
	result := Result{Rule: r.name, Promise: r.promise, Verdict: Passed}
	begin := time.Now()
	p, err := s.trial(ctx, r)
	result.Took = time.Since(begin)
	var why skip
	switch {
	case err == nil:
	case errors.As(err, &why):
		result.Verdict, result.Detail = Skipped, err.Error()
	default:
		result.Verdict, result.Detail = Failed, err.Error()
		if p != nil {
			result.Stderr = p.stderr.Lines()
		}
	}
	return result
}

// trial runs a rule in a process of its own, if it wants one, and ends that.
func (s *suite) trial(ctx context.Context, r rule) (*process, error) {
	if r.alone != nil {
		return nil, r.alone(ctx, s)
	}
	if !s.up && r.name != ruleHandshake {
		return nil, skip("it must pass " + ruleHandshake + " first")
	}
	if s.contract == nil && r.needsKind {
		return nil, skip("it must pass " + ruleKind + " first")
	}
	p, err := s.start(ctx, s.versions())
	if p != nil {
		defer p.end()
	}
	if err != nil {
		return p, err
	}
	if err := p.ping(ctx, s.limits.Start); err != nil { // whoever has answered once is done with starting
		return p, err
	}
	err = r.run(ctx, s, p)
	if err != nil && p.ended() && !errors.As(err, new(skip)) {
		err = fmt.Errorf("%w; its process had ended (%s)", err, p.state())
	}
	return p, err
}

// versions is what we offer in the handshake.
func (s *suite) versions() string { return "1" }
