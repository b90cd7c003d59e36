package workspace

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// What a match in a name is worth over all points that characters can have.
const (
	rankNamed  = 1 << 16 // the query matches a file's name by itself
	rankFolder = 2 << 16 // it is a folder's name
	rankFile   = 3 << 16 // it is a file's name
)

// A matcher holds one query against paths. It keeps its memory between paths; one
// goroutine uses it at a time.
type matcher struct {
	query query
	most  int32 // points that a path can have at best

	folder *folder
	done   []int // for each fuzzy word, how much of it the folder's path holds

	aligner aligner
	bonuses []int32
	bytes   []byte // the folded text if it is ASCII
	runes   []rune // else
	wide    bool   // runes is meant
}

func newMatcher(q query) *matcher {
	m := &matcher{query: q, done: make([]int, len(q.words))}
	for _, w := range q.words {
		if !w.not {
			m.most += int32(len(w.pattern))*(worthChar+worthName) + worthName
		}
	}
	return m
}

// rank adds what a folder holds and the query matches.
func (m *matcher) rank(f *folder, r *ranking) {
	m.enter(f)
	for i := range f.ends {
		name, isFolder := f.entry(i)
		if !m.hopeful(name) {
			continue
		}
		found := find{folder: f, name: name, isFolder: isFolder}
		rank := m.rankOf(name, isFolder)
		if found.score = rank + m.most; !r.admits(&found) {
			continue
		}
		if found.score = rank + m.bound(name, rank > 0); !r.admits(&found) {
			continue
		}
		if points, ok := m.points(name, rank > 0, nil); ok {
			found.score = rank + points
			r.add(found)
		}
	}
}

// bound is what a path can be worth at best, found without looking for the best
// match: as if the best bonus of any character in question were everyone's. Names
// that are alike, as those in one folder are, mostly reach it, so all but the first
// of them are done with here.
func (m *matcher) bound(name string, inName bool) int32 {
	if len(m.query.words) != 1 || m.query.words[0].not || !m.folder.ascii {
		return m.most
	}
	prefix := m.folder.path
	if inName {
		prefix = ""
	}
	w := &m.query.words[0]
	m.prepare(prefix, name, w.accents)
	best := int32(worthRun)
	for i, c := range m.bytes {
		if w.chars[c>>6]&(1<<(c&63)) != 0 {
			best = max(best, m.bonuses[i])
		}
	}
	return int32(len(w.bytes))*(worthChar+best) + best
}

// enter prepares for the names in a folder.
func (m *matcher) enter(f *folder) {
	m.folder = f
	if !f.ascii {
		return
	}
	for i := range m.query.words {
		if w := &m.query.words[i]; w.how == fuzzy && w.bytes != nil {
			m.done[i] = advance(f.path, w.bytes, 0)
		}
	}
}

// hopeful is false where it is soon seen that a path does not match.
func (m *matcher) hopeful(name string) bool {
	if !m.folder.ascii {
		return true
	}
	for i := range m.query.words {
		w := &m.query.words[i]
		switch {
		case w.bytes == nil && !w.not:
			return false
		case w.how == fuzzy && advance(name, w.bytes, m.done[i]) < len(w.bytes):
			return false
		}
	}
	return true
}

// advance goes through text after the characters of a pattern from the n-th on
// and says how many of the pattern it has come to.
func advance(text string, pattern []byte, n int) int {
	for i := 0; i < len(text) && n < len(pattern); i++ {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c == pattern[n] {
			n++
		}
	}
	return n
}

// rankOf says whether a query of one plain word is found in a name by itself.
func (m *matcher) rankOf(name string, isFolder bool) int32 {
	if !m.query.named {
		return 0
	}
	w := &m.query.words[0]
	var holds, equal bool
	if m.folder.ascii {
		holds = advance(name, w.bytes, 0) == len(w.bytes)
		equal = holds && len(name) == len(w.bytes)
	} else {
		m.prepare("", name, w.accents)
		holds, equal = m.holds(w)
	}
	switch {
	case equal && isFolder:
		return rankFolder
	case equal:
		return rankFile
	case holds && !isFolder:
		return rankNamed
	}
	return 0
}

// points is what the match is worth, in the name alone or in the whole path.
// With places, it adds where the characters are.
func (m *matcher) points(name string, inName bool, places *[]int64) (int32, bool) {
	var sum int32
	prefix := m.folder.path
	if inName {
		prefix = ""
	}
	for i := range m.query.words {
		w := &m.query.words[i]
		if i == 0 || m.wide { // accents may matter to one word and not to the next
			m.prepare(prefix, name, w.accents)
		}
		points, ok := m.word(w, places)
		if ok == w.not {
			return 0, false
		}
		sum += points
	}
	return sum, true
}

// word holds the prepared text against one word.
func (m *matcher) word(w *word, places *[]int64) (int32, bool) {
	if w.not {
		places = nil
	}
	n := len(m.bonuses)
	if w.how == fuzzy {
		if holds, _ := m.holds(w); !holds {
			return 0, false
		}
		points, last := m.align(w, places != nil)
		if places != nil {
			*places = m.aligner.trace(*places, n, len(w.pattern), last)
		}
		return points, true
	}
	at, points := m.stands(w)
	if at < 0 || w.not {
		return 0, at >= 0
	}
	if places != nil {
		for i := range len(w.pattern) {
			*places = append(*places, int64(at+i))
		}
	}
	return points, true
}

func (m *matcher) align(w *word, trace bool) (int32, int) {
	if m.wide {
		return align(&m.aligner, m.runes, w.pattern, m.bonuses, trace)
	}
	return align(&m.aligner, m.bytes, w.bytes, m.bonuses, trace)
}

// holds reports whether the prepared text has a word's characters in order, and no others.
func (m *matcher) holds(w *word) (holds, equal bool) {
	n := 0
	if m.wide {
		for _, r := range m.runes {
			if n < len(w.pattern) && r == w.pattern[n] {
				n++
			}
		}
	} else {
		for _, c := range m.bytes {
			if n < len(w.bytes) && c == w.bytes[n] {
				n++
			}
		}
	}
	holds = n == len(w.pattern)
	return holds, holds && n == len(m.bonuses)
}

// stands says where a word stands in the prepared text as it is; the best place of several.
func (m *matcher) stands(w *word) (at int, points int32) {
	n, last := len(w.pattern), len(m.bonuses)-len(w.pattern)
	if last < 0 || w.how == whole && last > 0 || !m.wide && w.bytes == nil {
		return -1, 0
	}
	from := 0
	switch w.how {
	case prefix, whole:
		last = 0
	case suffix:
		from = last
	}
	at = -1
	for i := from; i <= last; i++ {
		if m.wide && slices.Equal(m.runes[i:i+n], w.pattern) || !m.wide && bytes.Equal(m.bytes[i:i+n], w.bytes) {
			if p := runPoints(m.bonuses, i, n); at < 0 || p > points {
				at, points = i, p
			}
		}
	}
	return at, points
}

// prepare folds a path and finds what its places are worth.
func (m *matcher) prepare(folder, name string, accents bool) {
	m.wide = !m.folder.ascii
	m.bonuses, m.bytes, m.runes = m.bonuses[:0], m.bytes[:0], m.runes[:0]
	before := slash
	for _, part := range [2]string{folder, name} {
		if m.wide {
			before = m.foldRunes(part, before, accents)
		} else {
			before = m.foldBytes(part, before)
		}
	}
}

func (m *matcher) foldBytes(s string, before class) class {
	at := len(m.bytes)
	m.bytes, m.bonuses = extend(m.bytes, len(s)), extend(m.bonuses, len(s))
	text, worth := m.bytes[at:], m.bonuses[at:]
	for i := range text {
		c := s[i]
		k := class(asciiClasses[c&(utf8.RuneSelf-1)] - '0')
		worth[i] = bonuses[before][k]
		if k == upper {
			c += 'a' - 'A'
		}
		text[i] = c
		before = k
	}
	return before
}

// extend makes a slice n longer; what it holds there is to be written.
func extend[T any](s []T, n int) []T { return slices.Grow(s, n)[:len(s)+n] }

func (m *matcher) foldRunes(s string, before class, accents bool) class {
	for _, r := range s {
		if len(m.runes) > 0 && combining(r) {
			continue
		}
		k := classOf(r)
		m.bonuses = append(m.bonuses, bonuses[before][k])
		m.runes = append(m.runes, fold(r, accents))
		before = k
	}
	return before
}

// result is a find as clients are told of it. Places are counted in characters.
func (m *matcher) result(f *find, root string) protocol.FuzzyFileSearchResult {
	m.enter(f.folder)
	places := make([]int64, 0, 16)
	inName := m.rankOf(f.name, f.isFolder) > 0
	m.points(f.name, inName, &places)
	slices.Sort(places)
	places = slices.Compact(places)
	if inName {
		m.prepare("", f.folder.path, false)
		for i := range places {
			places[i] += int64(len(m.bonuses))
		}
	}
	kind := protocol.FuzzyFileSearchMatchTypeFile
	if f.isFolder {
		kind = protocol.FuzzyFileSearchMatchTypeDirectory
	}
	return protocol.FuzzyFileSearchResult{
		Root: root, Path: f.path(), FileName: strings.Clone(f.name), MatchType: kind,
		Score: int64(f.score), Indices: places,
	}
}
