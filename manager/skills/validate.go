package skills

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Limits of fields, in characters.
const (
	maxName        = 64
	maxDisplayName = 64
	maxText        = 1024 // short descriptions, default prompts, values of tools
	maxWord        = 64   // types and transports of tools
)

// invalid says why a file is no skill, as clients show it.
type invalid string

func (e invalid) Error() string { return string(e) }

// metadata makes what clients see of a provider's skill, or says why it cannot
// be one. enabled is for the rules to say.
func metadata(s *skill.Skill) (protocol.SkillMetadata, error) {
	name := clean(s.Name)
	if name == "" && s.Dir != "" {
		name = clean(filepath.Base(s.Dir))
	}
	if name == "" {
		name = "skill"
	}
	if err := checkName(s.Name, name); err != nil {
		return protocol.SkillMetadata{}, err
	}
	if ns := clean(s.Namespace); ns != "" {
		name = ns + ":" + name
	}
	description := clean(s.Description)
	if description == "" {
		return protocol.SkillMetadata{}, invalid("missing field `description`")
	}
	return protocol.SkillMetadata{
		Name: name, Description: description, Path: s.Path, Scope: protocol.SkillScope(s.Scope),
		ShortDescription: optional(clean(s.ShortDescription)),
		Interface:        face(s), Dependencies: dependencies(s.Tools), Enabled: true,
	}, nil
}

// checkName refuses names that are more than a name: a path, a terminal
// sequence, letters in an order that nobody sees. raw is the name before it was
// cleaned.
func checkName(raw, name string) error {
	if utf8.RuneCountInString(name) > maxName {
		return invalid(fmt.Sprintf("invalid name: exceeds maximum length of %d characters", maxName))
	}
	for _, r := range raw {
		if hidden(r) {
			return invalid(fmt.Sprintf("invalid name: contains the control character U+%04X", r))
		}
	}
	if looksLikePath(name) {
		return invalid("invalid name: looks like a path")
	}
	return nil
}

// looksLikePath tells whether a name leads somewhere when somebody makes a path
// of it: out of a folder, to the root, home. A slash within is none of that.
func looksLikePath(name string) bool {
	slashed := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(name, "/") || strings.HasPrefix(slashed, "//") || strings.HasPrefix(slashed, "~/") || name == "." || name == "~" {
		return true
	}
	if len(slashed) > 2 && slashed[1:3] == ":/" {
		return true // a drive
	}
	return slices.Contains(strings.Split(slashed, "/"), "..")
}

// hidden tells whether a character controls the display instead of being
// displayed. Blanks are none, nor are the joiners that scripts and emoji need.
func hidden(r rune) bool {
	if r == '\u200c' || r == '\u200d' {
		return false
	}
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r)
}

// clean makes one line of s: blanks are collapsed, what is hidden is dropped.
func clean(s string) string {
	if tidy(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// tidy tells whether clean has nothing to do, for the common case.
func tidy(s string) bool {
	blank := true // before the first character, and after a blank
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return s == "" || !blank
}

// limited returns the cleaned s, or nil if it is empty or too long.
func limited(s string, limit int) *string {
	s = clean(s)
	if utf8.RuneCountInString(s) > limit {
		return nil
	}
	return optional(s)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// face returns the skill's interface, nil if nothing of it is usable.
func face(s *skill.Skill) *protocol.SkillInterface {
	if s.Interface == nil {
		return nil
	}
	i := protocol.SkillInterface{
		DisplayName:      limited(s.Interface.DisplayName, maxDisplayName),
		ShortDescription: limited(s.Interface.ShortDescription, maxText),
		DefaultPrompt:    limited(s.Interface.DefaultPrompt, maxText),
		IconSmall:        icon(s.Dir, s.Interface.IconSmall),
		IconLarge:        icon(s.Dir, s.Interface.IconLarge),
		BrandColor:       color(s.Interface.BrandColor),
	}
	if i.DisplayName == nil && i.ShortDescription == nil && i.DefaultPrompt == nil &&
		i.IconSmall == nil && i.IconLarge == nil && i.BrandColor == nil {
		return nil
	}
	return &i
}

// icon makes an absolute path of one that lies under assets/. Whether there is
// such a file is the client's to find out.
func icon(dir, path string) *string {
	if dir == "" || path == "" || strings.HasPrefix(path, "/") || filepath.IsAbs(path) || filepath.VolumeName(path) != "" {
		return nil
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == filepath.Separator })
	for len(parts) > 0 && parts[0] == "." {
		parts = parts[1:]
	}
	if len(parts) == 0 || parts[0] != "assets" {
		return nil
	}
	for _, p := range parts {
		if p == ".." || strings.ContainsFunc(p, hidden) {
			return nil
		}
	}
	abs := filepath.Join(dir, filepath.Join(parts...))
	return &abs
}

func color(s string) *string {
	s = strings.TrimSpace(s)
	if len(s) != 7 || s[0] != '#' {
		return nil
	}
	for _, c := range []byte(s[1:]) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return nil
		}
	}
	return &s
}

// dependencies keeps the tools that say what they are.
func dependencies(tools []skill.Tool) *protocol.SkillDependencies {
	var out []protocol.SkillToolDependency
	for _, t := range tools {
		kind, value := limited(t.Type, maxWord), limited(t.Value, maxText)
		if kind == nil || value == nil {
			continue
		}
		out = append(out, protocol.SkillToolDependency{
			Type: *kind, Value: *value, Description: limited(t.Description, maxText),
			Transport: limited(t.Transport, maxWord), Command: limited(t.Command, maxText), URL: limited(t.URL, maxText),
		})
	}
	if out == nil {
		return nil
	}
	return &protocol.SkillDependencies{Tools: out}
}

// forProduct tells whether a skill is meant for product. One that names only
// products that nobody knows is meant for everybody.
func forProduct(products []string, product string) bool {
	known := false
	for _, p := range products {
		if p == product {
			return true
		}
		known = known || p == "codex" || p == "chatgpt" || p == "atlas"
	}
	return !known
}
