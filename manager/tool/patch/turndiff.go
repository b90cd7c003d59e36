package patch

import (
	"cmp"
	"crypto/sha1"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A TurnDiff remembers what files looked like before a turn's patches first touched them, and tells the difference to what
// they are now. It knows only the files that patches touched.
type TurnDiff struct {
	root string // names of files below it are told relative to it

	mu    sync.Mutex
	files []*tracked
}

// tracked is one file of a turn.
type tracked struct {
	name   string // where it was before the turn
	now    string // where it is now; differs after a move
	before version
}

// A version of a file: nil content where there is none.
type version struct {
	exists  bool
	content []byte
	mode    fs.FileMode
}

// NewTurnDiff starts a turn in the working folder cwd, which is absolute. Names are told relative to the repository around
// it, or to cwd where there is none.
func NewTurnDiff(cwd string) *TurnDiff { return &TurnDiff{root: repository(cwd)} }

func repository(cwd string) string {
	for dir := cwd; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			return cwd
		}
	}
}

// Applied notes a plan that was carried out.
func (d *TurnDiff) Applied(pl *Plan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range pl.steps {
		if s.move == "" {
			d.touch(s.path, version{s.existed, s.before, s.perm()})
			continue
		}
		from := d.touch(s.path, version{true, s.before, s.perm()})
		if known := d.find(s.move); known != nil || s.over.exists {
			d.touch(s.move, version{s.over.exists, s.over.content, 0o644})
			continue // the old file goes, the other one changes
		}
		from.now = s.move
	}
}

func (s *step) perm() fs.FileMode {
	if s.owner != nil {
		return s.owner.Mode().Perm()
	}
	return 0o644
}

func (d *TurnDiff) find(path string) *tracked {
	for _, f := range d.files {
		if f.now == path {
			return f
		}
	}
	return nil
}

func (d *TurnDiff) touch(path string, before version) *tracked {
	if f := d.find(path); f != nil {
		return f
	}
	f := &tracked{path, path, before}
	d.files = append(d.files, f)
	return f
}

// String is the difference as git would show it, sorted by name; empty where there is none. It reads the files.
func (d *TurnDiff) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.SortFunc(d.files, func(a, b *tracked) int {
		return cmp.Or(cmp.Compare(d.told(a.now), d.told(b.now)), cmp.Compare(a.name, b.name))
	})
	var b strings.Builder
	for _, f := range d.files {
		f.diff(&b, d.told(f.name), d.told(f.now))
	}
	return b.String()
}

func (d *TurnDiff) told(path string) string {
	if rel, ok := below(d.root, path); ok {
		path = rel
	}
	return filepath.ToSlash(path)
}

// current is what a file is now. One that cannot be read as a file is told as gone.
func current(path string) version {
	content, info, err := read(path)
	if err != nil {
		return version{}
	}
	return version{true, content, info.Mode().Perm()}
}

func (f *tracked) diff(b *strings.Builder, name, now string) {
	before, after := f.before, current(f.now)
	if before.exists == after.exists && string(before.content) == string(after.content) && name == now {
		return
	}
	if !before.exists {
		name = now // it came under another name first
	}
	if !after.exists {
		now = name
	}
	if !before.exists && !after.exists {
		return
	}
	fmt.Fprintf(b, "diff --git a/%s b/%s\n", name, now)
	from, to := "a/"+name, "b/"+now
	switch {
	case !before.exists:
		fmt.Fprintf(b, "new file mode %s\n", gitMode(after.mode))
		from = "/dev/null"
	case !after.exists:
		fmt.Fprintf(b, "deleted file mode %s\n", gitMode(before.mode))
		to = "/dev/null"
	case name != now:
		fmt.Fprintf(b, "rename from %s\nrename to %s\n", name, now)
	}
	if string(before.content) != string(after.content) || before.exists != after.exists {
		fmt.Fprintf(b, "index %s..%s\n", blob(before), blob(after))
	}
	if isBinary(before.content) || isBinary(after.content) {
		fmt.Fprintf(b, "Binary files %s and %s differ\n", from, to)
		return
	}
	if text := hunks(toText(before.content), toText(after.content), 3); text != "" {
		fmt.Fprintf(b, "--- %s\n+++ %s\n%s", from, to, text)
	}
}

func toText(content []byte) string { return strings.ToValidUTF8(string(content), "\uFFFD") }

func gitMode(m fs.FileMode) string {
	if m&0o111 != 0 {
		return "100755"
	}
	return "100644"
}

// blob is the name that git gives to a content.
func blob(v version) string {
	if !v.exists {
		return strings.Repeat("0", 2*sha1.Size)
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", len(v.content))
	h.Write(v.content)
	return fmt.Sprintf("%x", h.Sum(nil))
}

func sortChanges(c []protocol.FileUpdateChange) {
	slices.SortStableFunc(c, func(a, b protocol.FileUpdateChange) int { return cmp.Compare(a.Path, b.Path) })
}
