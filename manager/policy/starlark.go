package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A Position is a place in a rules file, counted from 1.
type Position struct{ Line, Column int }

// A RulesError says why a rules file is not one.
type RulesError struct {
	Path string
	At   Position
	Err  error
}

func (e *RulesError) Error() string {
	return fmt.Sprintf("failed to parse rules file %s: %d:%d: %v", e.Path, e.At.Line, e.At.Column, e.Err)
}

func (e *RulesError) Unwrap() error { return e.Err }

// mostSteps bounds the work of one file: rules are lists, not programs.
const mostSteps = 1 << 20

// ParseRules reads the text of a rules file; name is for the errors, which are *RulesError. The text is Starlark with
// prefix_rule, host_executable and network_rule; it can load nothing and is stopped when it runs too long.
func ParseRules(name, text string) (*Rules, error) {
	r := &Rules{}
	if err := r.add(name, text); err != nil {
		return nil, err
	}
	return r, nil
}

// add reads one more file into r, which must not be in use yet. After an error r holds a part of the file.
func (r *Rules) add(name, text string) error {
	thread := &starlark.Thread{Name: name, Print: func(*starlark.Thread, string) {}}
	thread.SetMaxExecutionSteps(mostSteps)
	thread.OnMaxSteps = func(t *starlark.Thread) { t.Cancel("it runs for too long") }
	functions := starlark.StringDict{
		"prefix_rule":     starlark.NewBuiltin("prefix_rule", r.prefixRule),
		"host_executable": starlark.NewBuiltin("host_executable", r.hostExecutable),
		"network_rule":    starlark.NewBuiltin("network_rule", r.networkRule),
	}
	options := &syntax.FileOptions{TopLevelControl: true, GlobalReassign: true}
	_, err := starlark.ExecFileOptions(options, thread, name, text, functions)
	if err == nil {
		return nil
	}
	return &RulesError{name, place(err), err}
}

// place is where in the file an error happened.
func place(err error) Position {
	at := Position{1, 1}
	if e, ok := errors.AsType[syntax.Error](err); ok {
		at = Position{int(e.Pos.Line), int(e.Pos.Col)}
	}
	if e, ok := errors.AsType[*starlark.EvalError](err); ok {
		for _, frame := range e.CallStack { // the innermost that is in the file
			if frame.Pos.IsValid() && frame.Pos.Line > 0 {
				at = Position{int(frame.Pos.Line), int(frame.Pos.Col)}
			}
		}
	}
	return Position{max(at.Line, 1), max(at.Column, 1)}
}

func (r *Rules) prefixRule(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var pattern, matching, notMatching *starlark.List
	var decision, justification starlark.Value
	err := starlark.UnpackArgs(b.Name(), args, kwargs, "pattern", &pattern, "decision?", &decision, "match?", &matching,
		"not_match?", &notMatching, "justification?", &justification)
	if err != nil {
		return nil, err
	}
	rule := Rule{}
	if rule.Pattern, err = readPattern(pattern); err != nil {
		return nil, fmt.Errorf("invalid pattern element: %w", err)
	}
	if rule.Ruling, err = readRuling(decision, "prompt"); err != nil {
		return nil, err
	}
	if rule.Justification, err = readJustification(justification); err != nil {
		return nil, err
	}
	if err := r.checkExamples(&rule, matching, notMatching); err != nil {
		return nil, err
	}
	r.prefix = append(r.prefix, rule)
	return starlark.None, nil
}

func readPattern(list *starlark.List) ([][]string, error) {
	if list.Len() == 0 {
		return nil, errors.New("pattern cannot be empty")
	}
	var out [][]string
	for v := range list.Elements() {
		switch v := v.(type) {
		case starlark.String:
			out = append(out, []string{string(v)})
		case *starlark.List:
			words, err := readStrings(v)
			if err != nil {
				return nil, err
			}
			if len(words) == 0 {
				return nil, errors.New("pattern alternatives cannot be empty")
			}
			out = append(out, words)
		default:
			return nil, fmt.Errorf("pattern element must be a string or list of strings (got %s)", v.Type())
		}
	}
	return out, nil
}

func readStrings(list *starlark.List) ([]string, error) {
	if list == nil {
		return nil, nil
	}
	out := make([]string, 0, list.Len())
	for v := range list.Elements() {
		s, ok := starlark.AsString(v)
		if !ok {
			return nil, fmt.Errorf("list element must be a string (got %s)", v.Type())
		}
		out = append(out, s)
	}
	return out, nil
}

// readRuling knows the names of decisions; ask is that of the one in the middle.
func readRuling(v starlark.Value, ask string) (Ruling, error) {
	if v == nil || v == starlark.None {
		return Allow, nil
	}
	s, _ := starlark.AsString(v)
	switch s {
	case "allow":
		return Allow, nil
	case ask:
		return AskFirst, nil
	case "forbidden":
		return Forbidden, nil
	}
	return 0, fmt.Errorf("invalid decision: %s", plainString(v))
}

func plainString(v starlark.Value) string {
	if s, ok := starlark.AsString(v); ok {
		return s
	}
	return v.String()
}

func readJustification(v starlark.Value) (string, error) {
	if v == nil || v == starlark.None {
		return "", nil
	}
	s, ok := starlark.AsString(v)
	if !ok || strings.TrimSpace(s) == "" {
		return "", errors.New("invalid rule: justification cannot be empty")
	}
	return s, nil
}

// checkExamples holds a rule to what its author says it matches.
func (r *Rules) checkExamples(rule *Rule, matching, notMatching *starlark.List) error {
	yes, err := readExamples(matching)
	if err != nil {
		return err
	}
	no, err := readExamples(notMatching)
	if err != nil {
		return err
	}
	for _, words := range yes {
		if !r.matches(rule, words) {
			return fmt.Errorf("expected every example to match at least one rule; unmatched example: %s", protocol.JoinCommand(words))
		}
	}
	for _, words := range no {
		if r.matches(rule, words) {
			return fmt.Errorf("expected example to not match rule: %s", protocol.JoinCommand(words))
		}
	}
	return nil
}

// readExamples takes command lines as words, or as a shell would read them.
func readExamples(list *starlark.List) ([][]string, error) {
	if list == nil {
		return nil, nil
	}
	var out [][]string
	for v := range list.Elements() {
		words, err := readExample(v)
		if err != nil {
			return nil, fmt.Errorf("invalid example: %w", err)
		}
		out = append(out, words)
	}
	return out, nil
}

func readExample(v starlark.Value) ([]string, error) {
	if list, ok := v.(*starlark.List); ok {
		words, err := readStrings(list)
		if err == nil && len(words) == 0 {
			err = errors.New("example cannot be empty")
		}
		return words, err
	}
	s, ok := starlark.AsString(v)
	if !ok {
		return nil, fmt.Errorf("example must be a string or list of strings (got %s)", v.Type())
	}
	commands, plain := splitScript(s)
	if !plain || len(commands) != 1 {
		return nil, fmt.Errorf("example is not one plain command: %s", s)
	}
	return commands[0], nil
}

func (r *Rules) hostExecutable(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var name string
	var list *starlark.List
	if err := starlark.UnpackArgs(b.Name(), args, kwargs, "name", &name, "paths", &list); err != nil {
		return nil, err
	}
	if name == "" || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("invalid rule: host_executable name must be a bare executable name (got %s)", name)
	}
	paths, err := readStrings(list)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if !path.IsAbs(p) {
			return nil, fmt.Errorf("invalid rule: host_executable paths must be absolute (got %s)", p)
		}
		if path.Base(p) != name {
			return nil, fmt.Errorf("invalid rule: host_executable path `%s` must have basename `%s`", p, name)
		}
	}
	if r.executables == nil {
		r.executables = map[string][]string{}
	}
	r.executables[name] = paths
	return starlark.None, nil
}

func (r *Rules) networkRule(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	var rule NetworkRule
	var decision, justification starlark.Value
	err := starlark.UnpackArgs(b.Name(), args, kwargs, "host", &rule.Host, "protocol", &rule.Protocol, "decision", &decision,
		"justification?", &justification)
	if err != nil {
		return nil, err
	}
	if rule.Host == "" || strings.Contains(rule.Host, "*") {
		return nil, errors.New("invalid rule: network_rule host must be a specific host; wildcards are not allowed")
	}
	if !slices.Contains([]string{"http", "https", "socks5_tcp", "socks5_udp"}, rule.Protocol) {
		return nil, fmt.Errorf("invalid rule: network_rule protocol must be one of http, https, socks5_tcp, socks5_udp (got %s)", rule.Protocol)
	}
	if s, _ := starlark.AsString(decision); s == "deny" {
		rule.Ruling = Forbidden
	} else if rule.Ruling, err = readRuling(decision, "prompt"); err != nil {
		return nil, err
	}
	if rule.Justification, err = readJustification(justification); err != nil {
		return nil, err
	}
	r.network = append(r.network, rule)
	return starlark.None, nil
}

// quoteJSON writes a string so that Starlark and JSON read the same.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always has a form
	return strings.TrimSuffix(b.String(), "\n")
}
