package config

import (
	"slices"
	"strings"
)

// insert writes a new key. Where, in this order: the inline table that holds its parent; beside dotted keys of the same
// table; the section of its parent; the top of the file for a top-level key; a new section beside its relatives.
func (d *document) insert(path []string, v any) {
	exprs := d.exprs()
	if d.insertInline(exprs, path, v) || d.insertDotted(exprs, path, v) || d.insertSection(exprs, path, v) {
		return
	}
	if len(path) == 1 {
		d.insertTop(exprs, formatPair(path, v))
		return
	}
	parent := path[:len(path)-1]
	d.appendSection(exprs, path, "["+formatPath(parent)+"]\n"+formatPair(path[len(path)-1:], v)+"\n")
}

// insertInline adds to the deepest inline table on the way.
func (d *document) insertInline(exprs []expr, path []string, v any) bool {
	for n := len(path) - 1; n > 0; n-- {
		t, ok := locateValue(exprs, path[:n])
		if !ok || t.kind != '{' {
			continue
		}
		var b strings.Builder
		b.WriteString(formatPath(path[n:]) + " = ")
		formatInline(&b, v)
		if len(t.entries) == 0 {
			d.splice(span{t.at.start, t.at.end}, "{ "+b.String()+" }")
			return true
		}
		end := t.entries[len(t.entries)-1].at.end
		d.splice(span{end, end}, ", "+b.String())
		return true
	}
	return false
}

// insertDotted adds below the last dotted key (a.b = 1) of the deepest table on the way that is written in that form.
func (d *document) insertDotted(exprs []expr, path []string, v any) bool {
	for n := len(path) - 1; n > 0; n-- {
		found := -1
		for i, e := range exprs {
			section := len(e.path) - len(e.keys)
			if e.kind == exprKeyValue && len(e.path) > n && section < n && prefixLen(e.path, path) >= n {
				found = i
			}
			if e.kind == exprTable && len(e.path) == n && prefixLen(e.path, path) == n {
				found = -1
				break
			}
		}
		if found < 0 {
			continue
		}
		e := exprs[found]
		section := len(e.path) - len(e.keys)
		d.insertLine(e.line.end, formatPair(path[section:], v))
		return true
	}
	return false
}

// insertSection adds behind the last key of the parent's own section.
func (d *document) insertSection(exprs []expr, path []string, v any) bool {
	parent := path[:len(path)-1]
	if len(parent) == 0 {
		return false
	}
	for i, e := range exprs {
		if e.kind == exprTable && slices.Equal(e.path, parent) {
			d.insertLine(sectionEnd(exprs, i), formatPair(path[len(path)-1:], v))
			return true
		}
	}
	return false
}

// sectionEnd is behind the last key of the section that the header at i opens, or behind the header.
func sectionEnd(exprs []expr, i int) int {
	for i+1 < len(exprs) && exprs[i+1].kind == exprKeyValue {
		i++
	}
	return exprs[i].line.end
}

// insertTop adds behind the last top-level key, or in front of the first section and the comment that belongs to it.
func (d *document) insertTop(exprs []expr, line string) {
	last := -1
	for i, e := range exprs {
		if e.kind != exprKeyValue {
			break
		}
		last = i
	}
	switch {
	case last >= 0:
		d.insertLine(exprs[last].line.end, line)
	case len(exprs) == 0:
		d.insertLine(len(d.src), line)
	default:
		at := commentStart(d.src, exprs[0].line.start)
		d.insertLine(at, line+"\n")
	}
}

// commentStart is the start of the comment lines directly above the line at start.
func commentStart(src string, start int) int {
	for start > 0 {
		prev := lineStart(src, start-1)
		if !strings.HasPrefix(strings.TrimLeft(src[prev:start], " \t"), "#") {
			break
		}
		start = prev
	}
	return start
}

// insertLine puts a whole line at a line start; the line before gets its newline if the file ends without one.
func (d *document) insertLine(at int, line string) {
	text := d.lines(line + "\n")
	if at > 0 && d.src[at-1] != '\n' {
		text = d.eol + text
	}
	d.splice(span{at, at}, text)
}

// appendSection adds a section behind the last one of the same top-level table, else at the end, after an empty line.
func (d *document) appendSection(exprs []expr, path []string, section string) {
	at := len(d.src)
	for i, e := range exprs {
		if e.kind != exprKeyValue && e.path[0] == path[0] {
			at = sectionEnd(exprs, i)
		}
	}
	text := strings.TrimSuffix(section, "\n")
	head := d.src[:at]
	if head != "" && !strings.HasSuffix(strings.ReplaceAll(head, "\r", ""), "\n\n") {
		if !strings.HasSuffix(head, "\n") {
			text = "\n" + text
		}
		text = "\n" + text
	}
	if tail := d.src[at:]; tail != "" && !strings.HasPrefix(strings.TrimLeft(tail, " \t\r"), "\n") {
		text += "\n"
	}
	d.splice(span{at, at}, d.lines(text+"\n"))
}

// createTable writes an empty table.
func (d *document) createTable(path []string) {
	exprs := d.exprs()
	if t, ok := locateValue(exprs, path); ok && t.kind == '{' {
		return
	}
	empty := map[string]any{}
	if d.insertInline(exprs, path, empty) || d.insertDotted(exprs, path, empty) {
		return
	}
	d.appendSection(exprs, path, "["+formatPath(path)+"]\n")
}
