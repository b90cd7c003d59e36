package config

import "strings"

// remove takes away everything written at and under path. Comments above what goes stay: they are the user's words.
func (d *document) remove(path []string) {
	// Backwards, so that ranges in front of a cut stay true. One scan: cutting an element of an array of tables moves
	// the numbers of those behind it.
	exprs := d.exprs()
	for i := len(exprs) - 1; i >= 0; i-- {
		e := exprs[i]
		if prefixLen(e.path, path) < len(path) {
			continue
		}
		if e.kind == exprKeyValue {
			d.splice(e.line, "")
		} else {
			d.splice(d.headerSpan(e), "")
		}
	}
	for {
		at, ok := d.inlineCut(path)
		if !ok {
			return
		}
		d.splice(at, "")
	}
}

// inlineCut finds one entry of an inline table to cut.
func (d *document) inlineCut(path []string) (span, bool) {
	for _, e := range d.exprs() {
		if n := prefixLen(e.path, path); n == len(e.path) && n < len(path) && e.kind == exprKeyValue {
			if at, ok := inlineRemoval(e.value, path[n:]); ok {
				return at, true
			}
		}
	}
	return span{}, false
}

// headerSpan is a header whose keys are gone already, and one of the empty lines around it.
func (d *document) headerSpan(e expr) span {
	at := e.line
	rest := strings.TrimLeft(d.src[at.end:], " \t\r")
	before := strings.ReplaceAll(d.src[:at.start], "\r", "")
	if (rest == "" || rest[0] == '\n') && strings.HasSuffix(before, "\n\n") {
		at.start = lineStart(d.src, at.start-1)
	}
	if at.start == 0 && rest != "" && rest[0] == '\n' {
		at.end = len(d.src) - len(rest) + 1
	}
	return at
}

// inlineRemoval cuts one entry of an inline table together with one comma.
func inlineRemoval(t value, path []string) (span, bool) {
	for i, e := range t.entries {
		keys := names(e.keys)
		switch n := prefixLen(keys, path); {
		case n == len(path):
			return inlineSpan(t, i), true
		case n == len(keys) && e.value.kind == '{':
			if at, ok := inlineRemoval(e.value, path[n:]); ok {
				return at, true
			}
		}
	}
	return span{}, false
}

func inlineSpan(t value, i int) span {
	at := t.entries[i].at
	switch {
	case i+1 < len(t.entries):
		at.end = t.entries[i+1].at.start
	case i > 0:
		at.start = t.entries[i-1].at.end
	default:
		return span{t.at.start + 1, t.at.end - 1}
	}
	return at
}
