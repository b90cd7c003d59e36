package workspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWalkFollowsLinksButNotInCircles(t *testing.T) {
	for _, c := range []struct {
		what  string
		names []string
		want  string
	}{
		{"to files and folders", []string{"a/f", "to-a -> a", "to-f -> a/f", "nowhere -> x"}, "a/f to-a/f to-f"},
		{"up", []string{"a/f", "a/up -> ..", "a/me -> ."}, "a/f"},
		{"up behind a link", []string{"a/to-b -> ../b", "b/to-a -> ../a", "b/f"}, "a/to-b/f b/f"},
		{"to above the root", []string{"../outside -> .", "out -> ../..", "f"}, "f"},
	} {
		root := filepath.Join(tree(t), "root")
		plant(t, root, c.names...)
		if got := strings.Join(walked(t, "", root), " "); got != c.want {
			t.Errorf("%s: seen %s, want %s", c.what, got, c.want)
		}
	}
}

// Packages that link each other make a tree of all the ways through them.
func TestWalkEndsAmongManyLinks(t *testing.T) {
	root := tree(t)
	const packages = 12
	for i := range packages {
		var names []string
		for j := range packages {
			if i != j {
				names = append(names, fmt.Sprintf("p%d/deps/p%d -> ../../p%d", i, j, j))
			}
		}
		plant(t, root, append(names, fmt.Sprintf("p%d/f", i))...)
	}
	if n := len(walked(t, "", root)); n < packages || n > packages*(1+mostLinked) {
		t.Errorf("%d files seen of %d; links to one folder are followed at most %d times", n, packages, mostLinked)
	}
}

func TestWalkVisitsRootsOnce(t *testing.T) {
	root := tree(t, "f", "in/g", "in/deep/h")
	in := filepath.Join(root, "in")
	if got, want := walked(t, "", root, in, root, in+string(filepath.Separator)), []string{"deep/h", "f", "g"}; !slices.Equal(got, want) {
		t.Errorf("seen %q, want %q", got, want)
	}
}

func TestWalkEndsWithItsContext(t *testing.T) {
	var names []string
	for i := range 200 {
		names = append(names, fmt.Sprintf("d%d/e/f", i))
	}
	root := tree(t, names...)
	ctx, cancel := context.WithCancel(t.Context())
	visits := make(chan bool, 1000)
	err := newWalk([]string{root}, "", func(int, *folder) { visits <- true; cancel() }).run(ctx)
	if !errors.Is(err, context.Canceled) || len(visits) > workers()+1 {
		t.Errorf("%v after %d visits", err, len(visits))
	}
}

// Names that are not UTF-8 cannot be told, so they are passed over.
func TestWalkPassesOverStrangeNames(t *testing.T) {
	root := tree(t, "f")
	if err := os.WriteFile(filepath.Join(root, "g\xff"), nil, 0o666); err != nil {
		t.Skip("no such names here:", err)
	}
	if got := walked(t, "", root); !slices.Equal(got, []string{"f"}) {
		t.Errorf("seen %q", got)
	}
}

// BenchmarkWalk is the work of a search but for the matching.
func BenchmarkWalk(b *testing.B) {
	var names []string
	for i := range 10000 {
		names = append(names, fmt.Sprintf("pkg%02d/sub%02d/file_%05d.go", i%50, i/50%20, i))
	}
	root := tree(b, names...)
	b.ReportAllocs()
	for b.Loop() {
		if err := newWalk([]string{root}, "", func(int, *folder) {}).run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
