package skills

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Mentioned returns the skills that an input names, as indexes of
// Snapshot.Skills, each once: those named by path (a skill item, or a link in
// the text) in the order of the list, then those named by `$name`, likewise.
//
// A name counts only if exactly one enabled skill has it, and taken, which may
// be nil, does not claim it for something else. What cannot be resolved is text
// like any other.
func (sn *Snapshot) Mentioned(input []protocol.UserInput, taken func(name string) bool) []int {
	paths, names := make(map[string]bool), make(map[string]bool)
	blocked := make(map[string]bool)
	for _, in := range input {
		switch in := in.(type) {
		case *protocol.UserInputSkill:
			paths[in.Path] = true
			blocked[in.Name] = true // said by path, rightly or not: its name is no second way
		case *protocol.UserInputText:
			scanMentions(in.Text, paths, names)
		}
	}
	for name := range blocked {
		delete(names, name)
	}
	if len(paths) == 0 && len(names) == 0 {
		return nil
	}
	return sn.resolve(paths, names, taken)
}

func (sn *Snapshot) resolve(paths, names map[string]bool, taken func(string) bool) []int {
	chosen := make(map[int]bool)
	var out []int
	if len(paths) > 0 {
		for i := range sn.Skills {
			if sn.Skills[i].Enabled && paths[sn.Skills[i].Path] {
				chosen[i] = true
				out = append(out, i)
			}
		}
	}
	picked := make(map[int]bool, len(names))
	for name := range names {
		if same := sn.named()[name]; len(same) == 1 && !chosen[same[0]] && (taken == nil || !taken(name)) {
			picked[same[0]] = true
		}
	}
	if len(picked) > 0 {
		for i := range sn.Skills {
			if picked[i] {
				out = append(out, i)
			}
		}
	}
	return out
}

// scanMentions collects the paths of `[$name](path)` links and the names of
// `$name` mentions in text. A link's name is not a mention of its own.
func scanMentions(text string, paths, names map[string]bool) {
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			return
		}
		name := leadingName(text[i+1:])
		end := i + 1 + len(name)
		if name != "" && i > 0 && text[i-1] == '[' {
			if path, n := linkTarget(text[end:]); n > 0 {
				if p, ok := skillPath(path); ok {
					paths[p] = true
				}
				text = text[end+n:]
				continue
			}
		}
		if name != "" && !isVariable(name) {
			names[name] = true
		}
		text = text[end:]
	}
}

func leadingName(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == ':') {
			return s[:i]
		}
	}
	return s
}

// linkTarget reads `](path)`, blanks allowed before the parenthesis, and
// returns the path and the length of it all; 0 if it is none.
func linkTarget(s string) (path string, n int) {
	rest, ok := strings.CutPrefix(s, "]")
	if !ok {
		return "", 0
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), "(")
	if !ok {
		return "", 0
	}
	path, rest, ok = strings.Cut(rest, ")")
	if !ok || strings.TrimSpace(path) == "" {
		return "", 0
	}
	return strings.TrimSpace(path), len(s) - len(rest)
}

// skillPath tells whether a link leads to a skill, and to which.
func skillPath(target string) (string, bool) {
	for _, other := range []string{"app://", "mcp://", "plugin://"} {
		if strings.HasPrefix(target, other) {
			return "", false
		}
	}
	return strings.TrimPrefix(target, "skill://"), true
}

// isVariable tells the names that a shell gives a meaning.
func isVariable(name string) bool {
	switch strings.ToUpper(name) {
	case "PATH", "HOME", "USER", "SHELL", "PWD", "TMPDIR", "TEMP", "TMP", "LANG", "TERM", "XDG_CONFIG_HOME":
		return true
	}
	return false
}

// Messages reads the given skills of a snapshot and returns what the model is
// shown of each, in that order, to be sent as user messages. One that cannot be
// read becomes a warning for the user.
func (c *Catalogue) Messages(ctx context.Context, sn *Snapshot, skills []int) (messages, warnings []string) {
	texts := make([]string, len(skills))
	errs := make([]error, len(skills))
	var wg sync.WaitGroup
	for n, i := range skills {
		wg.Go(func() { texts[n], errs[n] = c.read(ctx, sn, i) })
	}
	wg.Wait()
	for n, i := range skills {
		m := &sn.Skills[i]
		if errs[n] != nil {
			warnings = append(warnings, fmt.Sprintf("Failed to load skill %s at %s: %v", m.Name, m.Path, errs[n]))
			continue
		}
		messages = append(messages, "<skill>\n<name>"+m.Name+"</name>\n<path>"+m.Path+"</path>\n"+texts[n]+"\n</skill>")
	}
	return messages, warnings
}

// read returns the text of a skill as it is now.
func (c *Catalogue) read(ctx context.Context, sn *Snapshot, i int) (string, error) {
	var text string
	err := c.ask(ctx, sn.origins[i].provider, func(ctx context.Context, p skill.Provider) error {
		content, err := p.Read(ctx, skill.ReadRequest{Path: sn.Skills[i].Path, Roots: sn.roots})
		text = strings.ToValidUTF8(string(content.Text), "\uFFFD")
		return err
	})
	return text, err
}
