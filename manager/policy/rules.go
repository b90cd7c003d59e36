package policy

import (
	"path"
	"slices"
	"strings"
)

// A Ruling is what a rule decides. The stricter is the greater.
type Ruling uint8

const (
	Allow     Ruling = iota // runs outside of the sandbox, unasked
	AskFirst                // runs where the user agrees
	Forbidden               // never runs
)

// A Rule decides about commands that begin with a pattern.
type Rule struct {
	Pattern       [][]string // per word, the words it may be
	Ruling        Ruling
	Justification string // for the user and the model; may be empty
}

// A NetworkRule decides about connections to a host.
type NetworkRule struct {
	Host, Protocol string
	Ruling         Ruling
	Justification  string
}

// Rules are what the .rules files of a user say. The zero value has none. Rules do not change once they are in use.
type Rules struct {
	prefix      []Rule
	network     []NetworkRule
	executables map[string][]string // by name: the paths that it may be called by
}

// Network are the rules about hosts, in the order of the files.
func (r *Rules) Network() []NetworkRule {
	if r == nil {
		return nil
	}
	return r.network
}

// with is r and one rule more.
func (r *Rules) with(rule Rule) *Rules {
	out := Rules{}
	if r != nil {
		out = *r
	}
	out.prefix = append(slices.Clip(out.prefix), rule)
	return &out
}

// cautious is r without what it allows: what is left when a part of the rules could not be read.
func (r *Rules) cautious() *Rules {
	out := *r
	out.prefix = slices.DeleteFunc(slices.Clone(r.prefix), func(x Rule) bool { return x.Ruling == Allow })
	return &out
}

// A match is a rule that applies to a command.
type match struct {
	rule  *Rule
	words []string // those of the command that the pattern took
}

// strictest is the rule that decides about the words of a command, nil if none does.
func (r *Rules) strictest(words []string) *match {
	if r == nil || len(words) == 0 {
		return nil
	}
	var best *match
	for i := range r.prefix {
		rule := &r.prefix[i]
		if (best == nil || rule.Ruling > best.rule.Ruling) && r.matches(rule, words) {
			best = &match{rule, words[:len(rule.Pattern)]}
		}
	}
	return best
}

func (r *Rules) matches(rule *Rule, words []string) bool {
	if len(words) < len(rule.Pattern) {
		return false
	}
	for i, alternatives := range rule.Pattern {
		if slices.Contains(alternatives, words[i]) {
			continue
		}
		if i > 0 || !r.names(words[0], alternatives, rule.Ruling) {
			return false
		}
	}
	return true
}

// names tells whether a program called by its path is one of those that a rule means by name. What is allowed runs outside
// of the sandbox, so there the path must be one that the rules list, or that of a folder which only the system's
// administrator writes to: any folder would let a program that the model wrote pass for another.
func (r *Rules) names(word string, alternatives []string, ruling Ruling) bool {
	if !path.IsAbs(word) {
		return false
	}
	name := path.Base(word)
	if !slices.Contains(alternatives, name) {
		return false
	}
	if paths, listed := r.executables[name]; listed {
		return slices.Contains(paths, word)
	}
	return ruling != Allow || systemFolder(path.Dir(word))
}

func systemFolder(dir string) bool {
	switch dir {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin", "/run/current-system/sw/bin":
		return true
	}
	return false
}

// Line is the rule for words as a line of a rules file.
func (r Rule) line() string {
	var b strings.Builder
	b.WriteString("prefix_rule(pattern=[")
	for i, alternatives := range r.Pattern {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteJSON(alternatives[0]))
	}
	b.WriteString(`], decision="allow")`)
	return b.String()
}

// allowing is the rule that allows commands that begin with words.
func allowing(words []string) Rule {
	r := Rule{Ruling: Allow}
	for _, w := range words {
		r.Pattern = append(r.Pattern, []string{w})
	}
	return r
}
