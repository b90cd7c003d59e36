package patch

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Apply writes what the plan says: all of it, or nothing. New contents are first written beside their files, then every
// file is put in place by renaming; what fails on the way is undone by renaming too, so a full disk cannot stop it. The
// error is a *WriteError.
func (pl *Plan) Apply() error {
	w := newWriter()
	defer w.close()
	for _, do := range w.stages() {
		for _, s := range pl.steps {
			if err := do(s); err != nil {
				w.rollback()
				return err
			}
		}
	}
	w.finish()
	return nil
}

// A writer carries one plan out. Every change it makes adds its reversal to undo.
type writer struct {
	folders map[string]*os.Root // by real path
	undo    []func()
	backups []place // what was replaced or removed, under a name of ours
	temps   map[*step]string
}

// A place is a name in an open folder.
type place struct {
	dir  *os.Root
	name string
}

func newWriter() *writer {
	return &writer{folders: map[string]*os.Root{}, temps: map[*step]string{}}
}

// stages are gone through one after the other, each with all steps.
func (w *writer) stages() []func(*step) error {
	return []func(*step) error{w.check, w.prepare, w.remove, w.put}
}

func (w *writer) close() {
	for _, dir := range w.folders {
		dir.Close()
	}
}

func (w *writer) rollback() {
	for i := len(w.undo) - 1; i >= 0; i-- {
		w.undo[i]()
	}
}

func (w *writer) finish() {
	for _, b := range w.backups {
		b.dir.Remove(b.name)
	}
}

// at opens the folder of a real path, without making it.
func (w *writer) at(real string) (place, error) {
	dir, name := filepath.Split(real)
	dir = filepath.Clean(dir)
	if r := w.folders[dir]; r != nil {
		return place{r, name}, nil
	}
	r, err := openFolder(dir)
	if err != nil {
		return place{}, err
	}
	w.folders[dir] = r
	return place{r, name}, nil
}

// make is at, which creates the folders that are missing.
func (w *writer) make(real string) (place, error) {
	p, err := w.at(real)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	dir := filepath.Dir(real)
	parent, err := w.make(dir)
	if err != nil {
		return place{}, err
	}
	if err := parent.dir.Mkdir(parent.name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return place{}, err
	} else if err == nil {
		w.undo = append(w.undo, func() { parent.dir.Remove(parent.name) })
	}
	return w.at(real)
}

// check refuses when something is not as it was when the plan was made.
func (w *writer) check(s *step) error {
	if s.source != "" {
		p, err := w.at(s.source)
		if err == nil && !s.link {
			err = p.holds(&entry{true, s.before})
		}
		if err != nil {
			return &WriteError{s.path, true, err}
		}
	}
	if s.target == "" {
		return nil
	}
	p, err := w.at(s.target)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !s.over.exists:
		return nil
	case err == nil && s.source != s.target && (s.source == "" || s.over.exists):
		err = p.holds(s.over)
	}
	if err != nil {
		return &WriteError{s.written(), false, err}
	}
	return nil
}

// written is the path that the content goes to, as the patch names it.
func (s *step) written() string {
	if s.move != "" {
		return s.move
	}
	return s.path
}

// holds tells whether a name still holds what it did.
func (p place) holds(want *entry) error {
	info, err := p.dir.Lstat(p.name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !want.exists:
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a folder")
	case !want.exists || !info.Mode().IsRegular() || info.Size() != int64(len(want.content)):
		return errChanged
	}
	f, err := p.dir.Open(p.name)
	if err != nil {
		return err
	}
	defer f.Close()
	now, err := io.ReadAll(io.LimitReader(f, int64(len(want.content))+1))
	if err == nil && !bytes.Equal(now, want.content) {
		err = errChanged
	}
	return err
}

// prepare writes the new content beside its file.
func (w *writer) prepare(s *step) error {
	if s.target == "" {
		return nil
	}
	p, err := w.make(s.target)
	if err == nil {
		err = w.writeTemp(s, p)
	}
	if err != nil {
		return &WriteError{s.written(), false, err}
	}
	return nil
}

func (w *writer) writeTemp(s *step, p place) error {
	name := spare()
	f, err := p.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, s.mode)
	if err != nil {
		return err
	}
	w.undo = append(w.undo, func() { p.dir.Remove(name) })
	w.temps[s] = name
	if s.owner != nil {
		keepOwner(f, s.owner)
		err = f.Chmod(s.owner.Mode().Perm())
	}
	if _, werr := f.Write(s.after); err == nil {
		err = werr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// remove takes a deleted or moved file away.
func (w *writer) remove(s *step) error {
	if s.source == "" {
		return nil
	}
	p, err := w.at(s.source)
	if err == nil {
		err = w.setAside(p)
	}
	if err != nil {
		return &WriteError{s.path, true, err}
	}
	return nil
}

// put moves the new content to its name. A file that is replaced is there at every moment, old or new, where the file
// system has hard links.
func (w *writer) put(s *step) error {
	if s.target == "" {
		return nil
	}
	p, err := w.at(s.target)
	if err == nil && s.over.exists && !w.keep(p) {
		err = w.setAside(p)
	}
	if err == nil {
		err = p.dir.Rename(w.temps[s], p.name)
	}
	if err != nil {
		return &WriteError{s.written(), false, err}
	}
	w.undo = append(w.undo, func() { p.dir.Remove(p.name) })
	return nil
}

// keep gives a file a second name of ours; false where that cannot be done.
func (w *writer) keep(p place) bool {
	name := spare()
	if p.dir.Link(p.name, name) != nil {
		return false
	}
	w.undo = append(w.undo, func() {
		p.dir.Rename(name, p.name)
		p.dir.Remove(name) // two names of one file: renaming does nothing
	})
	w.backups = append(w.backups, place{p.dir, name})
	return true
}

// setAside gives a file a name of ours until the plan is carried out.
func (w *writer) setAside(p place) error {
	name := spare()
	if err := p.dir.Rename(p.name, name); err != nil {
		return err
	}
	w.undo = append(w.undo, func() { p.dir.Rename(name, p.name) })
	w.backups = append(w.backups, place{p.dir, name})
	return nil
}

// spare is a name that no file has.
func spare() string { return ".codexhost-" + rand.Text()[:12] + ".tmp" }
