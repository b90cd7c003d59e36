package policy

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// longestScript is how much of a script is looked into: what is longer is opaque, and nobody reads it anyway.
const longestScript = 64 << 10

// Script is the script of a shell's command line: bash, zsh or sh with -lc or -c and nothing else.
func Script(argv []string) (script string, ok bool) {
	if len(argv) != 3 || argv[1] != "-lc" && argv[1] != "-c" {
		return "", false
	}
	switch program(argv[0]) {
	case "bash", "zsh", "sh":
		return argv[2], true
	}
	return "", false
}

// program is the name of a program without folder and, on Windows, extension.
func program(word string) string {
	return strings.TrimSuffix(path.Base(strings.ReplaceAll(word, `\`, "/")), ".exe")
}

// Split takes a command line apart into the commands it consists of, each as its words. A shell's script is taken apart
// when it holds only plain words joined by &&, ||, ;, | and newlines; everything else, and every other program, is one
// command, plain only if no shell is involved.
func Split(argv []string) (commands [][]string, plain bool) {
	script, ok := Script(argv)
	if !ok {
		return [][]string{argv}, len(argv) > 0
	}
	if commands, ok := splitScript(script); ok {
		return commands, true
	}
	return [][]string{argv}, false
}

func parse(script string) (*syntax.File, bool) {
	if len(script) > longestScript {
		return nil, false
	}
	f, err := syntax.NewParser(syntax.KeepComments(true), syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	return f, err == nil
}

func splitScript(script string) ([][]string, bool) {
	f, ok := parse(script)
	if !ok || len(f.Stmts) == 0 || len(f.Last) > 0 {
		return nil, false
	}
	var out [][]string
	for _, s := range f.Stmts {
		if out, ok = appendPlain(out, s); !ok {
			return nil, false
		}
	}
	return out, true
}

// appendPlain adds the commands of a statement, if that is all it is.
func appendPlain(out [][]string, s *syntax.Stmt) ([][]string, bool) {
	if s.Negated || s.Background || s.Coprocess || s.Disown || len(s.Redirs) > 0 || len(s.Comments) > 0 {
		return nil, false
	}
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		words, ok := plainWords(c)
		return append(out, words), ok
	case *syntax.BinaryCmd:
		if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt && c.Op != syntax.Pipe {
			return nil, false
		}
		out, ok := appendPlain(out, c.X)
		if !ok {
			return nil, false
		}
		return appendPlain(out, c.Y)
	case *syntax.TimeClause:
		if c.PosixFormat || c.Stmt == nil {
			return nil, false
		}
		at := len(out)
		out, ok := appendPlain(out, c.Stmt)
		if !ok {
			return nil, false
		}
		out[at] = append([]string{"time"}, out[at]...)
		return out, true
	}
	return nil, false
}

func plainWords(c *syntax.CallExpr) ([]string, bool) {
	if len(c.Assigns) > 0 || len(c.Args) == 0 {
		return nil, false
	}
	words := make([]string, 0, len(c.Args))
	for i, w := range c.Args {
		// A quoted program name is unusual enough to be looked at by a person.
		if _, lit := w.Parts[0].(*syntax.Lit); i == 0 && (!lit || len(w.Parts) > 1) {
			return nil, false
		}
		word, ok := literal(w)
		if !ok {
			return nil, false
		}
		words = append(words, word)
	}
	return words, true
}

// literal is the value of a word that the shell takes as it is.
func literal(w *syntax.Word) (string, bool) {
	var b strings.Builder
	for _, p := range w.Parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "*?[]{}~\\$`") {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			if p.Dollar {
				return "", false
			}
			for _, q := range p.Parts {
				lit, ok := q.(*syntax.Lit)
				if !ok || strings.ContainsAny(lit.Value, "\\$`") {
					return "", false
				}
				b.WriteString(lit.Value)
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// calls are all commands anywhere in a script whose beginning can be read: in substitutions, functions, conditions. Words
// that the shell would expand are empty. A script that is no valid one has none.
func calls(script string) [][]string {
	f, ok := parse(script)
	if !ok {
		return nil
	}
	var out [][]string
	syntax.Walk(f, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
			words := make([]string, len(c.Args))
			for i, w := range c.Args {
				words[i], _ = literal(w)
			}
			out = append(out, words)
		}
		return true
	})
	return out
}
