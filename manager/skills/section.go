package skills

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/codexhost/codexhost/plugins/skill"
)

// Section is the part of the instructions that tells the model which skills
// there are.
type Section struct {
	Text    string // empty if there are none to tell of
	Warning string // for the user; empty if nobody needs to know
	Omitted int    // skills that did not fit
}

const intro = "Skills are instructions for particular kinds of work, each kept in a `SKILL.md` file. " +
	"An entry below gives a skill's name, what it is for, and its file; `r0`, `r1` and so on stand for the folders " +
	"in the table of roots. When a task fits a skill, or the user names one, read its file before you begin, and follow it.\n"

const (
	budgetPercent  = 2
	fallbackBudget = 8000 // characters, when the context window is unknown
)

// Section returns the section for a model with the given context window in
// tokens, 0 if unknown. It is as long as it may be: two percent of the window.
// When the entries do not fit, all descriptions are shortened to the same
// length; when even names do not fit, entries are left out from the end.
func (sn *Snapshot) Section(window int64) Section {
	sn.mu.Lock()
	defer sn.mu.Unlock()
	if sn.window != window {
		sn.section, sn.window = sn.makeSection(window), window
	}
	return sn.section
}

func (sn *Snapshot) makeSection(window int64) Section {
	order := sn.offered()
	if len(order) == 0 {
		return Section{}
	}
	table, shown := sn.shorten(order)
	l := list{unit: 4, budget: int(window * budgetPercent / 100)}
	if window <= 0 {
		l = list{unit: 1, budget: fallbackBudget}
	}
	for n, i := range order {
		l.add(sn.Skills[i].Name, sn.Skills[i].Description, shown[n])
	}
	body, omitted, bare := l.fit()

	s := Section{Omitted: omitted}
	if bare && omitted > 0 {
		noun, verb := "skills", "were"
		if omitted == 1 {
			noun, verb = "skill", "was"
		}
		s.Warning = fmt.Sprintf("Exceeded skills context budget. All skill descriptions were removed and %d additional %s %s not included in the model-visible skills list.", omitted, noun, verb)
	}
	var b strings.Builder
	b.Grow(len(body) + 1024)
	b.WriteString("<skills_instructions>\n## Skills\n" + intro)
	if len(table) > 0 {
		b.WriteString("### Skill roots\n")
		for n, root := range table {
			fmt.Fprintf(&b, "- `r%d` = `%s`\n", n, root)
		}
	}
	b.WriteString("### Available skills\n")
	b.WriteString(body)
	b.WriteString("</skills_instructions>")
	s.Text = b.String()
	return s
}

// shorten returns the table of roots that are in use, sorted, and for each
// skill of order its path in terms of that table.
func (sn *Snapshot) shorten(order []int) (table, shown []string) {
	under := func(path string) string {
		best := ""
		for _, r := range sn.roots {
			if len(r.Path) > len(best) && below(r, path) {
				best = r.Path
			}
		}
		return best
	}
	roots := make([]string, len(order))
	for n, i := range order {
		if roots[n] = under(sn.origins[i].shown); roots[n] != "" {
			table = append(table, roots[n])
		}
	}
	slices.Sort(table)
	table = slices.Compact(table)
	prefix := make(map[string]string, len(table))
	for n, root := range table {
		prefix[root] = fmt.Sprintf("r%d", n)
	}
	shown = make([]string, len(order))
	for n, i := range order {
		path := sn.origins[i].shown
		if root := roots[n]; root != "" {
			path = prefix[root] + strings.ReplaceAll(path[len(root):], `\`, "/")
		}
		shown[n] = path
	}
	return table, shown
}

func below(r skill.Root, path string) bool {
	return len(path) > len(r.Path) && strings.HasPrefix(path, r.Path) && (path[len(r.Path)] == '/' || path[len(r.Path)] == '\\')
}

// list fits entries into a budget. A cost is counted in units of so many
// bytes, each line rounded up: four for tokens, one for characters.
type list struct {
	unit   int
	budget int
	lines  []line
}

type line struct {
	name, description, path string
}

func (l *list) add(name, description, path string) {
	l.lines = append(l.lines, line{name, description, path})
}

// size is the length of a line with n units of description, end included. In
// the count of characters it counts those.
func (l *list) size(s string) int {
	if l.unit == 1 {
		return utf8.RuneCountInString(s)
	}
	return len(s)
}

func (l *list) cost(size int) int { return (size + l.unit - 1) / l.unit }

// bare is the size of an entry without description, full of one with all of it.
func (l *list) bare(e *line) int {
	return len("- : (file: )\n") + l.size(e.name) + l.size(e.path)
}

func (l *list) full(e *line) int {
	if e.description == "" {
		return l.bare(e)
	}
	return l.bare(e) + 1 + l.size(e.description)
}

// fit writes the entries. bare tells that no description fitted.
func (l *list) fit() (body string, omitted int, bare bool) {
	var b strings.Builder
	all, least := 0, 0
	for i := range l.lines {
		all += l.cost(l.full(&l.lines[i]))
		least += l.cost(l.bare(&l.lines[i]))
	}
	switch {
	case all <= l.budget:
		for i := range l.lines {
			l.lines[i].write(&b, l.lines[i].description)
		}
		return b.String(), 0, false
	case least <= l.budget:
		grants := l.share(l.budget - least)
		for i := range l.lines {
			e := &l.lines[i]
			room := (l.cost(l.bare(e))+grants[i])*l.unit - l.bare(e) - 1
			e.write(&b, l.cut(e.description, room))
		}
		return b.String(), 0, false
	}
	spent := 0
	for i := range l.lines {
		e := &l.lines[i]
		if spent += l.cost(l.bare(e)); spent > l.budget {
			return b.String(), len(l.lines) - i, true
		}
		e.write(&b, "")
	}
	return b.String(), 0, true
}

// share deals out units for descriptions, one to each in turn, until all have
// what they need or nothing is left.
func (l *list) share(units int) []int {
	need := make([]int, len(l.lines))
	for i := range l.lines {
		need[i] = l.cost(l.full(&l.lines[i])) - l.cost(l.bare(&l.lines[i]))
	}
	sorted := slices.Clone(need)
	slices.Sort(sorted)
	level, left := 0, units // everybody gets up to level
	for i, n := range sorted {
		each := left / (len(sorted) - i)
		if n-level > each {
			level += each
			left -= each * (len(sorted) - i)
			break
		}
		left -= (n - level) * (len(sorted) - i)
		level = n
	}
	for i, n := range need {
		need[i] = min(n, level)
		if n > level && left > 0 {
			need[i]++
			left--
		}
	}
	return need
}

// cut returns as much of s as fits into room, whole characters only.
func (l *list) cut(s string, room int) string {
	if room <= 0 {
		return ""
	}
	if l.size(s) <= room {
		return s
	}
	end := 0
	for i := range s {
		if room < 0 || l.unit > 1 && i > room {
			break
		}
		if end = i; l.unit == 1 {
			room--
		}
	}
	return strings.TrimRight(s[:end], " ")
}

func (e *line) write(b *strings.Builder, description string) {
	b.WriteString("- ")
	b.WriteString(e.name)
	b.WriteString(": ")
	if description != "" {
		b.WriteString(description)
		b.WriteByte(' ')
	}
	b.WriteString("(file: ")
	b.WriteString(e.path)
	b.WriteString(")\n")
}
