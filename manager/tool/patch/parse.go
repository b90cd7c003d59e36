package patch

import (
	"fmt"
	"strings"
)

const (
	beginMark  = "*** Begin Patch"
	endMark    = "*** End Patch"
	addMark    = "*** Add File: "
	deleteMark = "*** Delete File: "
	updateMark = "*** Update File: "
	moveMark   = "*** Move to: "
	eofMark    = "*** End of File"
)

// A SyntaxError says why a text is no patch, in words for the model.
type SyntaxError struct {
	Line int // 1-based, in the trimmed patch; 0 when it is about the patch as a whole
	Why  string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "invalid patch: " + e.Why
	}
	return fmt.Sprintf("invalid hunk at line %d, %s", e.Line, e.Why)
}

// Parse reads a patch. It forgives blanks around the text and around markers, CRLF, a first hunk without @@, several @@
// lines before one hunk, and a here-document wrapper left around the text. A patch without operations is no error. Any
// error is a *SyntaxError.
func Parse(text string) (*Patch, error) {
	lines, err := body(splitPatch(text))
	if err != nil {
		return nil, err
	}
	p := &parser{lines: lines, at: 2}
	out := &Patch{}
	for len(p.lines) > 0 {
		op, err := p.op()
		if err != nil {
			return nil, err
		}
		out.Ops = append(out.Ops, op)
	}
	return out, nil
}

func splitPatch(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines
}

// body is what stands between the begin and end marks.
func body(lines []string) ([]string, error) {
	inner, err := between(lines)
	if err == nil || len(lines) < 4 {
		return inner, err
	}
	switch lines[0] {
	case "<<EOF", "<<'EOF'", `<<"EOF"`:
		if strings.HasSuffix(lines[len(lines)-1], "EOF") {
			return between(lines[1 : len(lines)-1])
		}
	}
	return nil, err
}

func between(lines []string) ([]string, error) {
	if len(lines) > 0 && strings.TrimSpace(lines[0]) != beginMark {
		return nil, &SyntaxError{Why: "The first line of the patch must be '" + beginMark + "'"}
	}
	if len(lines) < 2 || strings.TrimSpace(lines[len(lines)-1]) != endMark {
		return nil, &SyntaxError{Why: "The last line of the patch must be '" + endMark + "'"}
	}
	return lines[1 : len(lines)-1], nil
}

// parser holds the lines not read yet; at is the number of the first.
type parser struct {
	lines []string
	at    int
}

func (p *parser) next() string {
	l := p.lines[0]
	p.lines = p.lines[1:]
	p.at++
	return l
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Line: p.at, Why: fmt.Sprintf(format, args...)}
}

// header takes a line apart that starts an operation.
func header(line string) (kind Kind, path string, ok bool) {
	line = strings.TrimSpace(line)
	for k, mark := range [...]string{Add: addMark, Delete: deleteMark, Update: updateMark} {
		if rest, found := strings.CutPrefix(line, mark); found {
			return Kind(k), rest, true
		}
	}
	return 0, "", false
}

func (p *parser) op() (Op, error) {
	kind, path, ok := header(p.lines[0])
	if !ok {
		return Op{}, p.fail("'%s' is not a valid hunk header. Valid hunk headers: '%s{path}', '%s{path}', '%s{path}'",
			strings.TrimSpace(p.lines[0]), addMark, deleteMark, updateMark)
	}
	op := Op{Kind: kind, Path: path}
	switch kind {
	case Add:
		p.next()
		var text strings.Builder
		for len(p.lines) > 0 && strings.HasPrefix(p.lines[0], "+") {
			text.WriteString(p.next()[1:])
			text.WriteByte('\n')
		}
		op.Text = text.String()
	case Delete:
		p.next()
	case Update:
		return op, p.update(&op)
	}
	return op, nil
}

func (p *parser) update(op *Op) error {
	empty := p.fail("Update file hunk for path '%s' is empty", op.Path)
	p.next()
	if len(p.lines) > 0 {
		if to, ok := strings.CutPrefix(strings.TrimSpace(p.lines[0]), moveMark); ok {
			op.MoveTo = to
			p.next()
		}
	}
	for len(p.lines) > 0 {
		if strings.TrimSpace(p.lines[0]) == "" {
			p.next()
			continue
		}
		if _, _, ok := header(p.lines[0]); ok {
			break
		}
		h, err := p.hunk(len(op.Hunks) == 0)
		if err != nil {
			return err
		}
		op.Hunks = append(op.Hunks, h)
	}
	if len(op.Hunks) == 0 {
		return empty
	}
	return nil
}

// marker takes an @@ line apart.
func marker(line string) (context string, ok bool) {
	line = strings.TrimRight(line, " \t")
	if line == "@@" {
		return "", true
	}
	return strings.CutPrefix(line, "@@ ")
}

func (p *parser) hunk(first bool) (Hunk, error) {
	var h Hunk
	context, marked := marker(p.lines[0])
	if !marked && !first {
		return h, p.fail("Expected update hunk to start with a @@ context marker, got: '%s'", p.lines[0])
	}
	for marked {
		p.next()
		if context != "" {
			h.Context = append(h.Context, context)
		}
		if marked = len(p.lines) > 0; marked {
			context, marked = marker(p.lines[0])
		}
	}
	for len(p.lines) > 0 {
		line := p.lines[0]
		if isEOF(line) && len(h.Lines) > 0 {
			h.EndOfFile = true
			p.next()
			return h, nil
		}
		op, text := byte(' '), ""
		if line != "" {
			op, text = line[0], line[1:]
		}
		if op != ' ' && op != '+' && op != '-' {
			break
		}
		h.Lines = append(h.Lines, Line{op, text})
		p.next()
	}
	return h, p.checkHunk(&h)
}

func isEOF(line string) bool { return strings.TrimRight(line, " \t") == eofMark }

func (p *parser) checkHunk(h *Hunk) error {
	if len(h.Lines) > 0 {
		return nil
	}
	if len(p.lines) > 0 && !isEOF(p.lines[0]) {
		if _, _, ok := header(p.lines[0]); !ok {
			return p.fail("Unexpected line found in update hunk: '%s'. Every line should start with ' ' (context line), "+
				"'+' (added line), or '-' (removed line)", p.lines[0])
		}
	}
	return p.fail("Update hunk does not contain any lines")
}
