package patch

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add(wrap("*** Add File: a\n+x\n*** Delete File: b\n*** Update File: c\n*** Move to: d\n@@ f\n@@\n a\n-b\n+c\n*** End of File\n"))
	f.Add("<<'EOF'\n" + wrap("*** Update File: a\r\n-x\r\n+y\r\n") + "EOF")
	f.Add(wrap("*** Update File: a\n\n@@\n\n"))
	dir := tree(f, map[string]string{"c": "f\na\nb\n", "a": "x\n", "b": "1\n"})
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if (p == nil) == (err == nil) {
			t.Fatal("neither a patch nor an error")
		}
		if err != nil {
			return
		}
		for _, op := range p.Ops {
			if op.Path == "" || strings.Contains(op.Path, "\n") {
				t.Errorf("operation on %q", op.Path)
			}
			if op.Kind == Update && len(op.Hunks) == 0 {
				t.Error("update without hunks")
			}
			if strings.HasPrefix(op.Path, "/dev") || strings.HasPrefix(op.Path, "/proc") || strings.HasPrefix(op.Path, "/sys") {
				return
			}
		}
		if plan, err := p.Plan(dir); err == nil { // reads only
			plan.Changes()
			plan.Summary()
			plan.Targets()
		}
	})
}

func FuzzFromCommand(f *testing.F) {
	f.Add("cd 'a b' && apply_patch <<-\"EOF\"\n\t" + wrap("*** Add File: a\n+x\n") + "\tEOF\n")
	f.Add("apply_patch '*** Begin Patch\n*** End Patch'")
	f.Fuzz(func(t *testing.T, script string) {
		c, ok, err := FromCommand([]string{"bash", "-lc", script})
		if ok && err != nil || ok && strings.ContainsAny(c.Dir, "$`*\n") && !strings.Contains(script, "'"+c.Dir+"'") && !strings.Contains(script, `"`+c.Dir+`"`) {
			t.Errorf("%q: %+v %v", script, c, err)
		}
	})
}

// edits makes a file and what somebody changes in it, from a source of chance.
type edits struct {
	r *rand.Rand
}

func (e *edits) line() string {
	words := []string{"a", "b", "", "  c", "d  ", "x := 1", "caf\u00e9 \u2014", "*** End Patch", "@@ f", "+p", "-m"}
	return words[e.r.IntN(len(words))]
}

// file is a random content: lines, endings, perhaps none at the end.
func (e *edits) file() string {
	end := []string{"\n", "\r\n"}[e.r.IntN(2)]
	var b strings.Builder
	for range e.r.IntN(30) {
		b.WriteString(e.line() + end)
	}
	text := b.String()
	if e.r.IntN(4) == 0 {
		text = strings.TrimSuffix(text, end)
	}
	return text
}

// change edits lines at random and writes the patch that does it, with all lines as context so that it fits one place.
func (e *edits) change(content string) (hunk, want string) {
	t := splitText(content)
	var h, w strings.Builder
	h.WriteString("@@\n")
	put := func(line string) { w.WriteString(line + t.ending) }
	for i, line := range t.lines {
		switch e.r.IntN(6) {
		case 0:
			h.WriteString("-" + line + "\n")
		case 1:
			fresh := e.line()
			h.WriteString(" " + line + "\n+" + fresh + "\n")
			w.WriteString(line + or(t.endings[i], t.ending))
			put(fresh)
		case 2:
			fresh := e.line()
			h.WriteString("-" + line + "\n+" + fresh + "\n")
			put(fresh)
		default:
			h.WriteString(" " + line + "\n")
			w.WriteString(line + or(t.endings[i], t.ending))
		}
	}
	if len(t.lines) == 0 {
		fresh := e.line()
		h.WriteString("+" + fresh + "\n")
		put(fresh)
	}
	return h.String(), w.String()
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// FuzzApply checks that a patch made from a change makes that change, and that one more operation that does not fit leaves
// every file as it was.
func FuzzApply(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := &edits{rand.New(rand.NewPCG(seed, 1))}
		before, after := map[string]string{}, map[string]string{}
		var body strings.Builder
		for _, name := range []string{"a", "dir/b", "dir/sub/c", "d", "e"} {
			content := e.file()
			switch e.r.IntN(5) {
			case 0:
				body.WriteString("*** Delete File: " + name + "\n")
				before[name] = content
			case 1:
				text := strings.ReplaceAll(e.file(), "\r", "")
				if text != "" && !strings.HasSuffix(text, "\n") {
					text += "\n"
				}
				body.WriteString("*** Add File: " + name + "\n")
				for line := range strings.Lines(text) {
					body.WriteString("+" + line)
				}
				after[name] = text
			case 2:
				hunk, want := e.change(content)
				body.WriteString("*** Update File: " + name + "\n*** Move to: moved/" + name + "\n" + hunk)
				before[name], after["moved/"+name] = content, want
			case 3:
				before[name], after[name] = content, content
			default:
				hunk, want := e.change(content)
				body.WriteString("*** Update File: " + name + "\n" + hunk)
				before[name], after[name] = content, want
			}
		}
		dir := tree(t, before)
		start := snapshot(t, dir)
		if _, err := run(wrap(body.String()+"*** Update File: a2\n@@\n-no\n"), dir); err == nil || !same(start, snapshot(t, dir)) {
			t.Fatalf("%v; a patch that does not fit changed %v", err, snapshot(t, dir))
		}
		if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
			t.Fatal(err)
		}
		start = snapshot(t, dir)
		if _, err := run(wrap(body.String()+"*** Add File: new/x\n+1\n*** Add File: folder\n+no\n"), dir); err == nil || !same(start, snapshot(t, dir)) {
			t.Fatalf("%v; a patch that cannot be written changed %v", err, snapshot(t, dir))
		}
		if _, err := run(wrap(body.String()), dir); err != nil {
			t.Fatalf("%v\n%s", err, body.String())
		}
		if got, want := snapshot(t, dir), snapshot(t, tree(t, after)); !sameFiles(got, want) {
			t.Errorf("got %q\nwant %q\n%s", got, want, body.String())
		}
	})
}

func BenchmarkApply(b *testing.B) {
	lines := make([]string, 2000)
	for i := range lines {
		lines[i] = "\tline of some length, as code has " + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
	}
	content := strings.Join(lines, "\n") + "\n"
	dir := tree(b, map[string]string{"f": content})
	there := wrap("*** Update File: f\n@@\n " + lines[1499] + "\n-" + lines[1500] + "\n+new\n " + lines[1501] + "\n")
	back := wrap("*** Update File: f\n@@\n-new\n+" + lines[1500] + "\n")
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range []string{there, back} {
			plan, err := run(text, dir)
			if err != nil {
				b.Fatal(err)
			}
			plan.Changes()
		}
	}
}
