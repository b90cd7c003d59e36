package workspace

import "strings"

// A glob is one pattern of an ignore file, by the rules of gitignore(5).
type glob struct {
	how      globKind
	text     string   // what how needs of the pattern
	segments []string // of a globPath, between its slashes
	not      bool     // what matches is not ignored after all
	folders  bool     // folders only
}

type globKind uint8

const (
	globName   globKind = iota // a name without wild cards
	globSuffix                 // *text
	globPrefix                 // text*
	globWild                   // a name with wild cards
	globPath                   // a path from the folder of the file
)

// parseGlob reads one line of an ignore file; false when it says nothing.
func parseGlob(line string) (glob, bool) {
	var g glob
	line = trimBlanks(strings.TrimSuffix(line, "\r"))
	if line == "" || line[0] == '#' {
		return g, false
	}
	if line[0] == '!' {
		line, g.not = line[1:], true
	}
	if rest, ok := strings.CutSuffix(line, "/"); ok {
		line, g.folders = rest, true
	}
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if rest, ok := strings.CutPrefix(line, "**/"); ok && !strings.Contains(rest, "/") {
		line, anchored = rest, false // in any folder, as if it had no slash
	}
	if line == "" {
		return g, false
	}
	g.compile(line, anchored)
	return g, true
}

// trimBlanks takes away the blanks at the end, but for one after a backslash.
func trimBlanks(line string) string {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	return line
}

const wild = `*?[\`

func (g *glob) compile(pattern string, anchored bool) {
	rest, suffix := strings.CutPrefix(pattern, "*")
	head, isPrefix := strings.CutSuffix(pattern, "*")
	switch {
	case anchored:
		g.how, g.segments = globPath, strings.Split(pattern, "/")
	case !strings.ContainsAny(pattern, wild):
		g.how, g.text = globName, pattern
	case suffix && !strings.ContainsAny(rest, wild):
		g.how, g.text = globSuffix, rest
	case isPrefix && !strings.ContainsAny(head, wild):
		g.how, g.text = globPrefix, head
	default:
		g.how, g.text = globWild, pattern
	}
}

// matches holds a pattern against an entry: its name, and its path from the
// folder of the ignore file.
func (g *glob) matches(path, name string, isFolder bool) bool {
	if g.folders && !isFolder {
		return false
	}
	switch g.how {
	case globName:
		return name == g.text
	case globSuffix:
		return strings.HasSuffix(name, g.text)
	case globPrefix:
		return strings.HasPrefix(name, g.text)
	case globWild:
		return matchName(g.text, name)
	}
	return matchPath(g.segments, path)
}

// matchPath holds segments against a path. Two stars alone stand for any number
// of folders; at the end for at least one name. Like in a name, only the last of
// several stars ever needs to take more.
func matchPath(segments []string, path string) bool {
	retry, retryPath := -1, ""
	for i := 0; ; {
		switch {
		case i < len(segments) && segments[i] == "**":
			if i == len(segments)-1 {
				return path != ""
			}
			i++
			retry, retryPath = i, path
			continue
		case i == len(segments) && path == "":
			return true
		case i < len(segments) && path != "":
			name, rest, _ := strings.Cut(path, "/")
			if matchName(segments[i], name) {
				i, path = i+1, rest
				continue
			}
		}
		if retry < 0 || retryPath == "" {
			return false
		}
		_, retryPath, _ = strings.Cut(retryPath, "/")
		i, path = retry, retryPath
	}
}

// matchName holds a pattern with wild cards against one name.
func matchName(pattern, name string) bool {
	retry, retryName := -1, 0
	p, n := 0, 0
	for {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			retry, retryName = p, n
			continue
		}
		if p == len(pattern) && n == len(name) {
			return true
		}
		if p < len(pattern) && n < len(name) {
			if size, ok := matchOne(pattern[p:], name[n:]); ok {
				p, n = p+size.pattern, n+size.name
				continue
			}
		}
		if retry < 0 || retryName >= len(name) {
			return false
		}
		retryName++
		p, n = retry, retryName
	}
}

type sizes struct{ pattern, name int }
