package patch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxFile bounds the files that a patch may read: a patch holds its files in memory, before and after.
const maxFile = 64 << 20

// A Plan is a verified patch: what it will do to which files.
type Plan struct {
	steps []*step // in patch order
}

// A step is one operation, verified.
type step struct {
	kind   Kind
	shown  string // as the patch names the file it leaves or removes
	path   string // absolute, links not followed
	move   string // likewise; empty for none
	source string // the entry that goes: set for deletions and moves
	target string // the real file that is written; empty for deletions

	before  []byte // of path: what is deleted, updated or replaced
	after   []byte // of target
	existed bool   // path did
	over    *entry // what lies at target now
	link    bool   // path is a symbolic link
	mode    fs.FileMode
	owner   fs.FileInfo // of path, where it existed: a written file keeps its owner and mode
}

// A Misfit says why a patch does not fit the files, in words for the model.
type Misfit struct{ why string }

func (m *Misfit) Error() string { return m.why }

func misfit(format string, args ...any) error { return &Misfit{fmt.Sprintf(format, args...)} }

// entry is a file as it was when the patch was verified; content is nil where there was none.
type entry struct {
	exists  bool
	content []byte
}

// Plan verifies a patch against the files: relative paths lie in dir, which is absolute. Nothing is written. The error is
// a *Misfit.
func (p *Patch) Plan(dir string) (*Plan, error) {
	plan := &Plan{}
	seen := map[string]bool{}
	for i := range p.Ops {
		s, err := verify(&p.Ops[i], dir)
		if err != nil {
			return nil, err
		}
		for real, shown := range s.touched() {
			if seen[real] {
				return nil, misfit("invalid patch: multiple operations target %s", shown)
			}
		}
		for real := range s.touched() {
			seen[real] = true
		}
		plan.steps = append(plan.steps, s)
	}
	return plan, nil
}

// touched are the real files that a step changes, with the names that the patch reaches them by.
func (s *step) touched() map[string]string {
	t := map[string]string{}
	if s.target != "" {
		t[s.target] = s.path
		if s.move != "" {
			t[s.target] = s.move
		}
	}
	if s.source != "" {
		t[s.source] = s.path
	}
	return t
}

func verify(op *Op, dir string) (*step, error) {
	s := &step{kind: op.Kind, shown: op.Path, path: absolute(dir, op.Path), mode: 0o666}
	var err error
	switch op.Kind {
	case Add:
		err = s.add(op)
	case Delete:
		err = s.delete()
	case Update:
		err = s.update(op, dir)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *step) add(op *Op) (err error) {
	if s.target, err = resolve(s.path); err != nil {
		return misfit("Failed to write file %s: %s", s.path, because(err))
	}
	s.after = []byte(op.Text)
	s.over = &entry{}
	// What cannot be read is reported when it is written: the item that shows the attempt comes first.
	if content, info, err := read(s.target); err == nil {
		s.before, s.existed, s.owner = content, true, info
		s.over = &entry{true, content}
	}
	return nil
}

func (s *step) delete() error {
	content, info, err := read(s.path)
	if err != nil {
		return misfit("Failed to read %s: %s", s.path, because(err))
	}
	s.before, s.existed, s.owner = content, true, info
	s.link = isLink(s.path)
	if s.source, err = resolveEntry(s.path); err != nil {
		return misfit("Failed to read %s: %s", s.path, because(err))
	}
	return nil
}

func (s *step) update(op *Op, dir string) error {
	content, info, err := read(s.path)
	if err == nil {
		err = checkText(content)
	}
	if err != nil {
		return misfit("Failed to read file to update %s: %s", s.path, because(err))
	}
	after, err := rewrite(string(content), s.path, op.Hunks)
	if err != nil {
		return err
	}
	s.before, s.after, s.existed, s.owner = content, []byte(after), true, info
	if op.MoveTo != "" && absolute(dir, op.MoveTo) != s.path {
		return s.moveTo(op.MoveTo, dir)
	}
	s.over = &entry{true, content}
	s.target, err = resolve(s.path)
	if err != nil {
		return misfit("Failed to read file to update %s: %s", s.path, because(err))
	}
	return nil
}

func (s *step) moveTo(to, dir string) (err error) {
	s.shown, s.move, s.link = to, absolute(dir, to), isLink(s.path)
	if s.target, err = resolve(s.move); err != nil {
		return misfit("Failed to write file %s: %s", s.move, because(err))
	}
	if s.source, err = resolveEntry(s.path); err != nil {
		return misfit("Failed to read file to update %s: %s", s.path, because(err))
	}
	s.over = &entry{}
	// Where names do not tell upper from lower case, a new spelling of the old name is no other file.
	if content, info, err := read(s.target); err == nil && !os.SameFile(info, s.owner) {
		s.over = &entry{true, content}
	}
	return nil
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// read is the content of a regular file, links followed.
func read(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // before it is opened: opening a pipe waits
		return nil, nil, fmt.Errorf("path `%s` is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(content) > maxFile {
		return nil, nil, fmt.Errorf("the file is larger than %d MiB", maxFile>>20)
	}
	return content, info, nil
}

func checkText(content []byte) error {
	for at := 0; at < len(content); {
		if content[at] < utf8.RuneSelf {
			at++
			continue
		}
		r, n := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && n == 1 {
			return fmt.Errorf("invalid utf-8 sequence of 1 bytes from index %d", at)
		}
		at += n
	}
	return nil
}

// Targets are the real paths that applying the plan writes, removes or creates, links followed, sorted: what a policy
// has to judge.
func (pl *Plan) Targets() []string {
	var out []string
	for _, s := range pl.steps {
		for real := range s.touched() {
			out = append(out, real)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Empty tells a patch without operations.
func (pl *Plan) Empty() bool { return len(pl.steps) == 0 }

// Summary is what the model reads of a patch that was applied.
func (pl *Plan) Summary() string {
	var b strings.Builder
	b.WriteString("Success. Updated the following files:\n")
	for _, kind := range [...]struct {
		kind   Kind
		letter byte
	}{{Add, 'A'}, {Update, 'M'}, {Delete, 'D'}} {
		for _, s := range pl.steps {
			if s.kind == kind.kind {
				b.WriteByte(kind.letter)
				b.WriteByte(' ')
				b.WriteString(s.shown)
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// errChanged says that a file is not what it was when the patch was verified.
var errChanged = errors.New("the file has changed since the patch was checked")

// A WriteError says that applying failed. Everything is as it was before.
type WriteError struct {
	Path   string // absolute
	Delete bool   // removing it failed, not writing it
	Err    error
}

func (e *WriteError) Error() string {
	verb := "write"
	if e.Delete {
		verb = "delete"
	}
	return fmt.Sprintf("Failed to %s file %s: %s", verb, e.Path, because(e.Err))
}

func (e *WriteError) Unwrap() error { return e.Err }

// below tells the relative path of a file below a folder; false where it is not below.
func below(dir, path string) (string, bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return "", false
	}
	return rel, true
}
