package workspace

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// folderOf makes a searched folder of names; a name that ends in a slash is a folder's.
func folderOf(dir string, names ...string) *folder {
	f := &folder{path: dir}
	for _, name := range names {
		name, isFolder := strings.CutSuffix(name, "/")
		f.names += name
		end := uint32(len(f.names))
		if isFolder {
			end |= folderBit
		}
		f.ends = append(f.ends, end)
	}
	f.ascii = ascii(f.path) && ascii(f.names)
	return f
}

// found ranks one path and gives its score and places; -1 without a match.
func matchOf(query, file string) (int64, []int64) {
	dir, name := path.Split(strings.TrimSuffix(file, "/"))
	if strings.HasSuffix(file, "/") {
		name += "/"
	}
	m, r := newMatcher(parseQuery(query)), ranking{}
	m.rank(folderOf(dir, name), &r)
	if len(r.heap) == 0 {
		return -1, nil
	}
	f := m.result(&r.heap[0], "/")
	return f.Score, f.Indices
}

// The scores and places are those that clients know.
func TestScores(t *testing.T) {
	const named, folder, file = 1 << 16, 2 << 16, 3 << 16
	for _, c := range []struct {
		query, path string
		score       int64
		places      string
	}{
		// Names come first, whole names before them.
		{"zebra", "zebra", file + 134, "0 1 2 3 4"},
		{"zebra", "src/Zebra/", folder + 134, "4 5 6 7 8"},
		{"zebra", "src/zebra.go", named + 134, "4 5 6 7 8"},
		{"zebra", "zebra/z_e_b_r_a.txt", named + 118, "6 8 10 12 14"},
		{"zebra", "my_zebra.txt", named + 128, "3 4 5 6 7"},
		{"zebra", "src/Zebra/x", 134, "4 5 6 7 8"},
		{"zebra", "zeb/ra", 131, "0 1 2 4 5"},
		{"zebra", "z/e/b/r/a", 122, "0 2 4 6 8"},
		{"ebra", "src/Zebra/", 76, "5 6 7 8"},
		{" zebra ", "zebra", file + 134, "0 1 2 3 4"},
		{"zoo", "src/zoo/zebra_test.go", 84, "4 5 6"},
		// Where words begin.
		{"foob", "a/FooBar.txt", named + 109, "2 3 4 5"},
		{"foob", "a/foo_bar.txt", named + 105, "2 3 4 6"},
		{"fb", "a/foo_bar.txt", named + 53, "2 6"},
		{"fb", "a/FooBar.txt", named + 51, "2 5"},
		{"fb", "a/fobar", named + 47, "2 4"},
		{"x2", "b/x1y2", named + 51, "2 5"},
		{"a b", "a b/c d.txt", 66, "0 2"},
		{"tst", "src/zoo/zebra_test.go", named + 65, "14 16 17"},
		// Paths.
		{"src/zebra", "src/zebra.go", 234, "0 1 2 3 4 5 6 7 8"},
		{"src/zebra", "src/zoo/zebra_test.go", 228, "0 1 2 3 8 9 10 11 12"},
		{"src/", "src/zoo/", 109, "0 1 2 3"},
		{"/", "docs/manual.md", 16, "4"},
		{".", ".hidden/", 32, "0"},
		// Of equals the later, but for a single character.
		{"entconfi", "Clientconfig/Clientconfig/x", 156, "16 17 18 19 20 21 22 23"},
		{"a", "a/a/", folder + 34, "2"},
		// Words and marks.
		{"zebra go", "src/zebra.go", 190, "4 5 6 7 8 10 11"},
		{"go zebra", "src/zebra.go", 190, "4 5 6 7 8 10 11"},
		{"^zoo", "zoo^zoo", 84, "0 1 2"},
		{"^zoo", "a/zoo", -1, ""},
		{"txt$", "x/c d.txt", 80, "6 7 8"},
		{"'zoo", "x'zoo", 80, "2 3 4"},
		{"'zoo", "z/oo", -1, ""},
		{"'zoo$", "x'zoo", -1, ""},
		{"^zebra$", "zebra/", 134, "0 1 2 3 4"},
		{"^zebra$", "zebras", -1, ""},
		{"!zebra", "zebra.go", -1, ""},
		{"!zebra", "z/ebra", 0, ""},
		{"!zebra zoo", "zoo", 84, "0 1 2"},
		{"!^zoo", "zoo", -1, ""},
		{"!zoo$", "a/zoo", -1, ""},
		{`\!zebra`, "!zebra", 152, "0 1 2 3 4 5"},
		{`\^zoo`, "zoo^zoo", 104, "3 4 5 6"},
		{`a\ b`, "a b", 84, "0 1 2"},
		{`a\$`, "a$b", 59, "0 1"},
		{"a$b", "a$b", file + 84, "0 1 2"},
		{"^", "anything", 0, ""},
		// Other scripts, accents, cases.
		{"cafe", "b/café.txt", named + 109, "2 3 4 5"},
		{"café", "b/cafe.txt", -1, ""},
		{"ÄB", "äb", file + 59, "0 1"},
		{"strasse", "Straße", -1, ""},
		{"straße", "Straße", file + 159, "0 1 2 3 4 5"},
		{"日本", "日本/", folder + 59, "0 1"},
		{"語", "日本/語.txt", named + 34, "3"},
		{"ét", "e\u0301te\u0301", -1, ""}, // the accent is not the letter's own
		{"ete", "e\u0301te\u0301", file + 84, "0 1 2"},
	} {
		score, places := matchOf(c.query, c.path)
		if got := strings.Trim(fmt.Sprint(places), "[]"); score != c.score || got != c.places {
			t.Errorf("%q in %q: %d at %q, want %d at %q", c.query, c.path, score, got, c.score, c.places)
		}
	}
}

// What a match is worth follows from its places.
func FuzzAlign(f *testing.F) {
	f.Add("src/zoo/zebra_test.go", "zebra")
	f.Add("Ab-über/a1B2 c_d", "ab2d")
	f.Add("a.a.a.a.a.a", "aaaa")
	f.Add("0", "0\u05b8\u05b8")
	f.Fuzz(func(t *testing.T, file, pattern string) {
		if !utf8.ValidString(file) || len(file) > 200 || len(pattern) > 40 || file == "" || strings.HasSuffix(file, "/") {
			return
		}
		q := query{words: []word{{how: fuzzy}}}
		q.words[0].setPattern(pattern)
		if len(q.words[0].pattern) == 0 {
			return
		}
		dir, name := path.Split(file)
		m, r := newMatcher(q), ranking{}
		m.rank(folderOf(dir, name), &r)
		w := &q.words[0]
		m.enter(folderOf(dir, name))
		m.prepare(dir, name, w.accents)
		var text []rune
		if text = m.runes; !m.wide {
			text = []rune(string(m.bytes))
		}
		n := 0
		for _, c := range text {
			if n < len(w.pattern) && c == w.pattern[n] {
				n++
			}
		}
		if holds := n == len(w.pattern); holds != (len(r.heap) == 1) {
			t.Fatalf("%q in %q: found %d, the characters are there: %v", pattern, file, len(r.heap), holds)
		} else if !holds {
			return
		}
		bonuses := slices.Clone(m.bonuses)
		got := m.result(&r.heap[0], "/")
		if want := worth(t, text, w.pattern, bonuses, got.Indices); int64(want) != got.Score {
			t.Errorf("%q in %q at %v: %d points, but the places are worth %d", pattern, file, got.Indices, got.Score, want)
		}
		if bound := m.bound(name, false); got.Score > int64(bound) || bound > m.most {
			t.Errorf("%q in %q: %d points, bounds are %d and %d", pattern, file, got.Score, bound, m.most)
		}
	})
}

// worth adds up what places are worth, and checks that they are the pattern's.
func worth(t *testing.T, text, pattern []rune, bonuses []int32, places []int64) int32 {
	if len(places) != len(pattern) {
		t.Fatalf("%d places for %d characters", len(places), len(pattern))
	}
	var points, run int32
	for i, at := range places {
		if text[at] != pattern[i] || i > 0 && at <= places[i-1] {
			t.Fatalf("place %d of %v is wrong", i, places)
		}
		b := bonuses[at]
		switch {
		case i == 0:
			points, run = 2*b, b
		case at == places[i-1]+1:
			run = max(run, worthRun)
			if b >= worthBoundary && b > run {
				run = b
			}
			points += max(run, b)
		default:
			gap := int32(at-places[i-1]) - 2
			points, run = max(points-costGap-gap*costGapMore, 0)+b, b
		}
		points += worthChar
	}
	return points
}

// The ranking keeps what sorting all would put first, however it is divided.
func TestRankingIsTheBestOfAll(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var all []find
		rankings := make([]ranking, 3)
		for i := range rnd.IntN(400) {
			f := find{score: int32(rnd.IntN(5)), folder: folderOf([]string{"", "a/", "a/b/", "ab/"}[rnd.IntN(4)]), name: fmt.Sprint("n", rnd.IntN(300), "-", i)}
			all = append(all, f)
			r := &rankings[rnd.IntN(3)]
			if r.admits(&f) != (len(r.heap) < mostFinds || f.before(&r.heap[0])) {
				t.Fatal("admits what add would not keep, or the other way round")
			}
			r.add(f)
		}
		slices.SortFunc(all, func(a, b find) int {
			if a.score != b.score {
				return int(b.score - a.score)
			}
			return strings.Compare(a.path(), b.path())
		})
		got := merge(rankings)
		if len(got) != min(len(all), mostFinds) {
			t.Fatalf("%d of %d", len(got), len(all))
		}
		for i := range got {
			if got[i].path() != all[i].path() {
				t.Fatalf("place %d has %s, want %s", i, got[i].path(), all[i].path())
			}
		}
	}
}

// Once fifty of the best are known, most others need no look.
func BenchmarkRank(b *testing.B) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("file_asking_%05d.go", i))
	}
	f := folderOf("pkg03/sub07/", names...)
	for _, q := range []string{"askin", "asking00", "pkg03", "zzz", "file go"} {
		b.Run(q, func(b *testing.B) {
			b.ReportAllocs()
			m := newMatcher(parseQuery(q))
			for b.Loop() {
				var r ranking
				m.rank(f, &r)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/name")
		})
	}
}
