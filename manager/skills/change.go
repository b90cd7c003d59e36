package skills

import (
	"path/filepath"
	"reflect"
	"slices"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Change is what became of the skills of a working directory.
type Change struct {
	Added, Changed, Removed []protocol.SkillMetadata
	// Errors are those that there are now, nil if they are the same as before.
	Errors []protocol.SkillErrorInfo
}

// Since tells how the skills of sn differ from those of old, an earlier snapshot
// for the same directory; false if they do not. A skill with a file in its folder
// that changed counts as changed, though nothing shows in the list.
func (c *Catalogue) Since(old, sn *Snapshot) (Change, bool) {
	if sn.Generation <= old.Generation {
		return Change{}, false
	}
	return sn.since(old, c.touched(old.at))
}

func (sn *Snapshot) since(old *Snapshot, touched []string) (Change, bool) {
	var c Change
	before := make(map[string]*protocol.SkillMetadata, len(old.Skills))
	for i := range old.Skills {
		before[old.Skills[i].Path] = &old.Skills[i]
	}
	edited := sn.holding(touched)
	for i := range sn.Skills {
		s := &sn.Skills[i]
		was := before[s.Path]
		delete(before, s.Path)
		switch {
		case was == nil:
			c.Added = append(c.Added, *s)
		case edited[i] || was != s && !reflect.DeepEqual(was, s):
			c.Changed = append(c.Changed, *s)
		}
	}
	for i := range old.Skills {
		if s := &old.Skills[i]; before[s.Path] == s {
			c.Removed = append(c.Removed, *s)
		}
	}
	same := func(a, b protocol.SkillErrorInfo) bool { return a.Path == b.Path && a.Message == b.Message }
	if !slices.EqualFunc(sn.Errors, old.Errors, same) {
		c.Errors = sn.Errors
	}
	return c, c.Added != nil || c.Changed != nil || c.Removed != nil || c.Errors != nil
}

// holding returns the skills in whose folders the files lie, each file in the
// nearest one.
func (sn *Snapshot) holding(files []string) map[int]bool {
	if len(files) == 0 {
		return nil
	}
	folders := make(map[string]int, len(sn.Skills))
	for i := range sn.Skills {
		folders[filepath.Dir(sn.Skills[i].Path)] = i
		folders[filepath.Dir(sn.origins[i].shown)] = i
	}
	found := make(map[int]bool)
	for _, f := range files {
		for dir := filepath.Dir(f); ; dir = filepath.Dir(dir) {
			if i, ok := folders[dir]; ok {
				found[i] = true
				break
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return found
}
