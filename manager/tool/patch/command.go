package patch

import (
	"errors"
	"path"
	"strings"
)

// A Call is a patch found in a command.
type Call struct {
	Text string // the patch
	Dir  string // what the command changes to before: relative to its working folder, or absolute; empty for none
}

// ErrImplicit says that a command is a patch without a program to apply it.
var ErrImplicit = errors.New(`patch detected without explicit call to apply_patch. Rerun as ["apply_patch", "<patch>"]`)

// FromCommand finds the patch in a command that does nothing but apply one:
//
//	apply_patch PATCH
//	bash -lc "apply_patch <<'EOF' ... EOF"
//	bash -lc "cd DIR && apply_patch <<'EOF' ... EOF"
//
// and likewise with applypatch, other shells, -c, and the patch as one quoted word. The text is never expanded. ok is
// false for any other command; the error is [ErrImplicit] alone, for the model.
func FromCommand(argv []string) (c Call, ok bool, err error) {
	switch {
	case len(argv) == 2 && isApply(argv[0]):
		return Call{Text: argv[1]}, true, nil
	case len(argv) == 1:
		return c, false, implicit(argv[0])
	case len(argv) == 3 && isShell(argv[0]) && (argv[1] == "-lc" || argv[1] == "-c"):
		if c, ok := fromScript(argv[2]); ok {
			return c, true, nil
		}
		return c, false, implicit(argv[2])
	}
	return c, false, nil
}

func isApply(word string) bool { return word == "apply_patch" || word == "applypatch" }

func isShell(word string) bool {
	switch strings.TrimSuffix(path.Base(strings.ReplaceAll(word, `\`, "/")), ".exe") {
	case "bash", "zsh", "sh":
		return true
	}
	return false
}

func implicit(text string) error {
	if !strings.HasPrefix(strings.TrimSpace(text), beginMark) {
		return nil
	}
	if _, err := Parse(text); err != nil {
		return nil
	}
	return ErrImplicit
}

const spaces = " \t"

// fromScript reads the script letter by letter, not as a shell would: a here-document of a patch is full of characters
// that a shell's grammar trips over, and most scripts end at the first word.
func fromScript(script string) (c Call, ok bool) {
	s := strings.TrimSpace(script)
	if rest, found := strings.CutPrefix(s, "cd"); found {
		if c.Dir, s, ok = word(rest); !ok {
			return c, false
		}
		if s, ok = strings.CutPrefix(strings.TrimLeft(s, spaces), "&&"); !ok {
			return c, false
		}
		s = strings.TrimLeft(s, spaces+"\n")
	}
	for _, name := range [...]string{"apply_patch", "applypatch"} {
		if rest, found := strings.CutPrefix(s, name); found {
			if c.Text, ok = argument(rest); !ok {
				c.Text, ok = heredoc(rest)
			}
			return c, ok
		}
	}
	return c, false
}

// word takes one literal word off s: plain or quoted, nothing a shell would expand.
func word(s string) (w, rest string, ok bool) {
	trimmed := strings.TrimLeft(s, spaces)
	if trimmed == s || trimmed == "" {
		return "", s, false
	}
	if q := trimmed[0]; q == '\'' || q == '"' {
		end := strings.IndexByte(trimmed[1:], q) + 1
		if end <= 0 {
			return "", s, false
		}
		w, rest = trimmed[1:end], trimmed[end+1:]
		if q == '"' && strings.ContainsAny(w, "$`\\") || rest != "" && !strings.ContainsRune(spaces+"\n&", rune(rest[0])) {
			return "", s, false
		}
		return w, rest, w != ""
	}
	end := strings.IndexAny(trimmed, spaces+"\n&")
	if end < 0 {
		end = len(trimmed)
	}
	w, rest = trimmed[:end], trimmed[end:]
	if strings.ContainsAny(w, "$`\\'\"*?[]{}~<>|;()#!") || strings.HasPrefix(w, "-") {
		return "", s, false
	}
	return w, rest, w != ""
}

// argument is the patch as one quoted word.
func argument(s string) (string, bool) {
	w, rest, ok := word(s)
	return w, ok && strings.TrimSpace(rest) == "" && strings.HasPrefix(strings.TrimSpace(w), beginMark)
}

// heredoc is the patch in a here-document that ends the script.
func heredoc(s string) (string, bool) {
	s, ok := strings.CutPrefix(strings.TrimLeft(s, spaces), "<<")
	if !ok {
		return "", false
	}
	s, tabs := strings.CutPrefix(s, "-")
	first, rest, ok := strings.Cut(s, "\n")
	if !ok {
		return "", false
	}
	mark, blank, ok := word(" " + first)
	if !ok || strings.TrimSpace(blank) != "" {
		return "", false
	}
	var text strings.Builder
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSuffix(line, "\r")
		if tabs {
			line = strings.TrimLeft(line, "\t")
		}
		if line == mark {
			return text.String(), strings.TrimSpace(rest) == ""
		}
		text.WriteString(line)
		text.WriteByte('\n')
	}
	return "", false
}
