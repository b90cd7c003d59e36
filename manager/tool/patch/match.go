package patch

import (
	"strings"
)

// A text is the content of a file as lines, each with the ending it has.
type text struct {
	lines   []string // without endings
	endings []string // "\n" or "\r\n"; "" for a last line without one
	ending  string   // of lines to be added: the file's prevailing one
}

func splitText(content string) *text {
	most := strings.Count(content, "\n") + 1
	t := &text{lines: make([]string, 0, most), endings: make([]string, 0, most)}
	crlf, lf := 0, 0
	for content != "" {
		line, rest, whole := strings.Cut(content, "\n")
		end := ""
		if whole {
			end = "\n"
			if body, ok := strings.CutSuffix(line, "\r"); ok {
				line, end = body, "\r\n"
				crlf++
			} else {
				lf++
			}
		}
		t.lines = append(t.lines, line)
		t.endings = append(t.endings, end)
		content = rest
	}
	t.ending = "\n"
	if crlf > 0 && crlf >= lf {
		t.ending = "\r\n"
	}
	return t
}

// rewrite is content with the hunks applied. path is for the errors, which are for the model. What is kept stays as it
// is, byte for byte, even where a hunk's context spells it differently; a last line without an ending gets one.
func rewrite(content, path string, hunks []Hunk) (string, error) {
	t := splitText(content)
	var out strings.Builder
	out.Grow(len(content) + 256)
	at := 0 // first line not written yet
	for i := range hunks {
		h := &hunks[i]
		start, lines, err := t.find(h, at, path)
		if err != nil {
			return "", err
		}
		t.write(&out, at, start)
		at = start
		for _, l := range lines {
			switch l.Op {
			case '+':
				out.WriteString(l.Text)
				out.WriteString(t.ending)
			case '-':
				at++
			default:
				t.write(&out, at, at+1)
				at++
			}
		}
	}
	t.write(&out, at, len(t.lines))
	return out.String(), nil
}

func (t *text) write(out *strings.Builder, from, to int) {
	for i := from; i < to; i++ {
		out.WriteString(t.lines[i])
		if t.endings[i] == "" {
			out.WriteString(t.ending)
		} else {
			out.WriteString(t.endings[i])
		}
	}
}

// find is where a hunk starts, at or after from, and which of its lines count: blank lines at its end, which models add
// to set hunks apart, are dropped where they match nothing.
func (t *text) find(h *Hunk, from int, path string) (int, []Line, error) {
	for _, c := range h.Context {
		at := seek(t.lines, []string{c}, from, false)
		if at < 0 {
			return 0, nil, misfit("Failed to find context '%s' in %s", c, path)
		}
		from = at + 1
	}
	old := h.old()
	if len(old) == 0 { // only additions: they go to the end
		return len(t.lines), h.Lines, nil
	}
	if at := seek(t.lines, old, from, h.EndOfFile); at >= 0 {
		return at, h.Lines, nil
	}
	lines := h.Lines
	for len(lines) > 1 && lines[len(lines)-1] == (Line{' ', ""}) {
		lines = lines[:len(lines)-1]
		shorter := Hunk{Lines: lines}
		if o := shorter.old(); len(o) > 0 {
			if at := seek(t.lines, o, from, h.EndOfFile); at >= 0 {
				return at, lines, nil
			}
		}
	}
	return 0, nil, misfit("Failed to find expected lines in %s:\n%s", path, strings.Join(old, "\n"))
}

// passes are the ways in which a line of a patch may equal one of a file, strictest first.
var passes = [...]func(string) string{
	func(s string) string { return s },
	func(s string) string { return strings.TrimRight(s, blanks) },
	strings.TrimSpace,
	func(s string) string { return strings.TrimSpace(plain(s)) },
}

const blanks = " \t\r\v\f"

// seek is the first place at or after from where lines hold pattern, -1 for none. atEnd asks for the last lines only.
func seek(lines, pattern []string, from int, atEnd bool) int {
	last := len(lines) - len(pattern)
	if last < from {
		return -1
	}
	if atEnd {
		from = last
	}
	want := make([]string, len(pattern))
	for _, same := range passes {
		for i, p := range pattern {
			want[i] = same(p)
		}
	next:
		for at := from; at <= last; at++ {
			for i, w := range want {
				if same(lines[at+i]) != w {
					continue next
				}
			}
			return at
		}
	}
	return -1
}

// plain spells with ASCII what editors and models like to spell otherwise: dashes, quotes, spaces.
func plain(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < 0x80
	}
	if ascii {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212':
			return '-'
		case '\u2018', '\u2019', '\u201a', '\u201b':
			return '\''
		case '\u201c', '\u201d', '\u201e', '\u201f':
			return '"'
		case '\u00a0', '\u2002', '\u2003', '\u2004', '\u2005', '\u2006', '\u2007', '\u2008', '\u2009', '\u200a', '\u202f', '\u205f', '\u3000':
			return ' '
		}
		return r
	}, s)
}
