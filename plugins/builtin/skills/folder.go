package skills

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/codexhost/codexhost/plugins/skill"
)

const (
	skillFile = "SKILL.md"
	metaDir   = "agents"
	metaFile  = "openai.yaml"
)

// folder is what one directory holds that matters here. It is immutable: a
// change makes another.
type folder struct {
	self  memo
	subs  []string // names of subfolders
	links []string // names of links that may lead to folders
	mark  mark     // what SKILL.md is
	meta  bool     // whether there is a subfolder for openai.yaml
	found *found   // for a regular SKILL.md

	fileMemo, metaMemo memo // of what found was read from
}

type mark uint8

const (
	markNone mark = iota
	markFile
	markLink
)

// found is a SKILL.md: a skill, or the reason why it is none.
type found struct {
	skill   skill.Skill // without root, scope and namespace
	linked  string      // where its openai.yaml lies, if a link led there
	problem string
}

// reader reads folders one after another, reusing a buffer.
type reader struct {
	buf []byte
}

// look returns the folder at path as it is now. old is what is remembered of
// it, or nil; when nothing changed, it is returned itself.
func (r *reader) look(path string, old *folder) (*folder, error) {
	now := time.Now()
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	st := stampOf(info)
	var f *folder
	if old != nil && old.self.holds(st) {
		f = old
	} else {
		f = &folder{self: newMemo(st, now)}
		if err := f.list(path); err != nil {
			return nil, err
		}
	}
	if f.mark != markFile {
		return f, nil
	}
	fm, mm, err := stampPair(path, f.meta, now)
	if err != nil {
		return nil, err
	}
	if old != nil && old.found != nil && old.fileMemo.holds(fm.stamp) && old.meta == f.meta &&
		(!f.meta || old.metaMemo.stamp == mm.stamp && (old.metaMemo.trusted || mm.stamp == stamp{})) {
		if f != old {
			f.found, f.fileMemo, f.metaMemo = old.found, old.fileMemo, old.metaMemo
		}
		return f, nil
	}
	if f == old {
		f = &folder{self: old.self, subs: old.subs, links: old.links, mark: old.mark, meta: old.meta}
	}
	f.fileMemo, f.metaMemo = fm, mm
	f.found = r.read(filepath.Join(path, skillFile), path, f.meta)
	if f.found != nil && old != nil && old.found != nil && reflect.DeepEqual(f.found, old.found) {
		f.found = old.found // read anew, and the same: whoever compares need not look inside
	}
	return f, nil
}

// stampPair stamps SKILL.md and, if there may be one, openai.yaml.
func stampPair(dir string, meta bool, now time.Time) (file, other memo, err error) {
	info, err := os.Lstat(filepath.Join(dir, skillFile))
	if err != nil {
		return file, other, err
	}
	file = newMemo(stampOf(info), now)
	if meta {
		if info, err := os.Stat(filepath.Join(dir, metaDir, metaFile)); err == nil {
			other = newMemo(stampOf(info), now)
		}
	}
	return file, other, nil
}

// list fills in the entries of the directory. Hidden ones do not count.
func (f *folder) list(path string) error {
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		switch t := e.Type(); {
		case t.IsDir():
			f.subs = append(f.subs, name)
			f.meta = f.meta || name == metaDir
		case name == skillFile && t.IsRegular():
			f.mark = markFile
		case name == skillFile && t&fs.ModeSymlink != 0:
			f.mark = markLink
		case t&fs.ModeSymlink != 0:
			f.links = append(f.links, name)
			f.meta = f.meta || name == metaDir
		}
	}
	return nil
}

// read reads the SKILL.md at path, a canonical one, and, if meta says so, what
// belongs to it in dir. It returns nil for what is no regular file.
func (r *reader) read(path, dir string, meta bool) *found {
	f := &found{skill: skill.Skill{Path: path, Dir: dir}}
	file, err := openRegular(path)
	if errors.Is(err, errIrregular) {
		return nil
	}
	if err != nil {
		f.problem = "failed to read file: " + bare(err)
		return f
	}
	defer file.Close()
	text, err := readFile(file, &r.buf)
	if err == nil {
		text, err = cutFront(text)
	}
	var fields front
	if err == nil {
		fields, err = parseFront(text)
	}
	if err != nil {
		f.problem = err.Error()
		return f
	}
	f.skill.Name, f.skill.Description, f.skill.ShortDescription = fields.name, fields.description, fields.short
	if meta {
		var text []byte
		text, f.linked = readMeta(dir)
		parseMeta(text, &f.skill)
	}
	return f
}

// readMeta returns the openai.yaml of a skill's folder, nil if there is none
// that can be read, and where it lies if that is elsewhere.
func readMeta(dir string) (text []byte, linked string) {
	path := filepath.Join(dir, metaDir, metaFile)
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, ""
	}
	if real != path {
		linked = real
	}
	f, err := openRegular(real)
	if err != nil {
		return nil, linked
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMeta+1))
	if err != nil || len(b) > maxMeta {
		return nil, linked
	}
	return b, linked
}

var errIrregular = errors.New("not a regular file")

// openRegular opens a file, but no pipe, device, folder or link.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return f, nil
}

// bare is err without the path, which stands beside it already.
func bare(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
