package workspace

import (
	"path/filepath"
	"strings"
)

// A folder is one folder of a searched tree with what it holds, as a search needs
// it: one text for all names.
type folder struct {
	root  int    // which of the search's roots
	path  string // from the root, with slashes; ends in one unless empty
	names string // one after another
	ends  []uint32
	ascii bool // path and names are
}

// folderBit marks, in ends, a name that is a folder's.
const folderBit = 1 << 31

// entry gives the i-th name and whether it is a folder's.
func (f *folder) entry(i int) (name string, isFolder bool) {
	begin := uint32(0)
	if i > 0 {
		begin = f.ends[i-1] &^ folderBit
	}
	end := f.ends[i]
	return f.names[begin : end&^folderBit], end&folderBit != 0
}

// A find is a match that may be told.
type find struct {
	score    int32
	isFolder bool
	folder   *folder
	name     string
}

// path is the path from the root, in the system's spelling.
func (f *find) path() string { return filepath.FromSlash(f.folder.path + f.name) }

// before orders finds: the best first, then by path.
func (f *find) before(o *find) bool {
	if f.score != o.score {
		return f.score > o.score
	}
	if c := comparePaths(f, o); c != 0 {
		return c < 0
	}
	return f.folder.root < o.folder.root
}

// comparePaths compares two paths without putting them together.
func comparePaths(a, b *find) int {
	if a.folder == b.folder || a.folder.path == b.folder.path {
		return strings.Compare(a.name, b.name)
	}
	x, y := a.folder.path, b.folder.path
	n := min(len(x), len(y))
	if c := strings.Compare(x[:n], y[:n]); c != 0 {
		return c
	}
	return strings.Compare(x[n:]+a.name, y[n:]+b.name)
}

// mostFinds is how many matches a client is told.
const mostFinds = 50

// A ranking keeps the best finds, the last of them at the root of a heap.
type ranking struct{ heap []find }

// admits reports whether a find would be kept.
func (r *ranking) admits(f *find) bool {
	return len(r.heap) < mostFinds || f.before(&r.heap[0])
}

func (r *ranking) add(f find) {
	if len(r.heap) < mostFinds {
		r.heap = append(r.heap, f)
		r.up(len(r.heap) - 1)
	} else if f.before(&r.heap[0]) {
		r.heap[0] = f
		r.down()
	}
}

func (r *ranking) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if r.heap[i].before(&r.heap[parent]) {
			return
		}
		r.heap[i], r.heap[parent] = r.heap[parent], r.heap[i]
		i = parent
	}
}

func (r *ranking) down() {
	for i := 0; ; {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(r.heap); child++ {
			if r.heap[last].before(&r.heap[child]) {
				last = child
			}
		}
		if last == i {
			return
		}
		r.heap[i], r.heap[last] = r.heap[last], r.heap[i]
		i = last
	}
}
