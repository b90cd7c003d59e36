package skills

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Snapshot is the skills of one working directory at one time. It is immutable
// and may be shared.
type Snapshot struct {
	// Generation tells two states of the skills apart, those of their files
	// included, and grows.
	Generation uint64
	at         uint64 // which generation of the catalogue was looked at
	*content
}

// content is what a snapshot says. Snapshots of several generations share it as
// long as nothing differs.
type content struct {
	// Skills and Errors are in the order of skills/list. They must not be changed.
	Skills []protocol.SkillMetadata
	Errors []protocol.SkillErrorInfo

	roots   []skill.Root
	origins []origin // of Skills, index by index

	named   func() map[string][]int // indexes by name, of enabled skills
	offered func() []int            // what the model is told of, in its order
	encoded func() []byte           // see Wire

	mu      sync.Mutex // guards the two below
	section Section    // the last one made
	window  int64      // for which context window
}

// origin is where a skill came from.
type origin struct {
	provider string
	explicit bool   // not offered to the model
	shown    string // the path by which the model is told of it
}

// found is what one provider said.
type found struct {
	provider string
	trusted  bool // it is ours: its scopes count
	listing  *skill.Listing
	err      error
}

// same tells whether both say the same without looking closer.
func (f found) same(o found) bool {
	return f.provider == o.provider && f.listing == o.listing && f.err == nil && o.err == nil
}

// build makes of what the providers said what a snapshot says.
func build(s *Settings, roots []skill.Root, all []found) *content {
	sn := &content{roots: roots, window: -1}
	type entry struct {
		meta protocol.SkillMetadata
		origin
	}
	var entries []entry
	seen := make(map[string]bool)
	for _, f := range all {
		if f.err != nil {
			sn.Errors = append(sn.Errors, protocol.SkillErrorInfo{Path: "plugin:" + f.provider, Message: f.err.Error()})
			continue
		}
		for _, p := range f.listing.Errors {
			if scope(f, p.Scope) != skill.ScopeSystem {
				sn.Errors = append(sn.Errors, protocol.SkillErrorInfo{Path: p.Path, Message: p.Message})
			}
		}
		entries = slices.Grow(entries, len(f.listing.Skills))
		for i := range f.listing.Skills {
			raw := f.listing.Skills[i]
			raw.Scope = scope(f, raw.Scope)
			if seen[raw.Path] || !forProduct(raw.Policy.Products, s.Product) {
				continue
			}
			seen[raw.Path] = true
			meta, err := metadata(&raw)
			if err != nil {
				if raw.Scope != skill.ScopeSystem {
					sn.Errors = append(sn.Errors, protocol.SkillErrorInfo{Path: raw.Path, Message: err.Error()})
				}
				continue
			}
			entries = append(entries, entry{meta, origin{
				provider: f.provider, explicit: raw.Policy.ExplicitOnly, shown: cmp.Or(raw.Via, raw.Path),
			}})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(listRank(a.meta.Scope)-listRank(b.meta.Scope),
			strings.Compare(a.meta.Name, b.meta.Name), comparePaths(a.meta.Path, b.meta.Path))
	})
	sn.sortErrors()
	sn.Skills = make([]protocol.SkillMetadata, len(entries))
	sn.origins = make([]origin, len(entries))
	for i, e := range entries {
		sn.Skills[i], sn.origins[i] = e.meta, e.origin
	}
	if sn.Errors == nil {
		sn.Errors = []protocol.SkillErrorInfo{} // the wire has no null here
	}
	sn.apply(s.Rules)
	sn.named = sync.OnceValue(sn.byName)
	sn.offered = sync.OnceValue(sn.inPromptOrder)
	sn.encoded = sync.OnceValue(sn.encode)
	return sn
}

// sortErrors puts errors in the order in which a walk meets them: root by root,
// each from the top down.
func (sn *content) sortErrors() {
	place := func(path string) (root, depth int) {
		for i, r := range sn.roots {
			if path == r.Path || below(r, path) {
				return i, strings.Count(path[len(r.Path):], string(filepath.Separator))
			}
		}
		return len(sn.roots), 0
	}
	slices.SortFunc(sn.Errors, func(a, b protocol.SkillErrorInfo) int {
		rootA, depthA := place(a.Path)
		rootB, depthB := place(b.Path)
		return cmp.Or(rootA-rootB, depthA-depthB, comparePaths(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
}

// comparePaths orders paths by their components: what is below a folder comes
// right after it.
func comparePaths(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	rank := func(s string) int {
		switch {
		case n == len(s):
			return -1
		case os.IsPathSeparator(s[n]):
			return 0
		}
		return 1 + int(s[n])
	}
	return rank(a) - rank(b)
}

// scope is the scope that a provider's word for it gets. One that is not ours
// speaks for the user, or for the repository.
func scope(f found, s skill.Scope) skill.Scope {
	if f.trusted || s == skill.ScopeRepo {
		return s
	}
	return skill.ScopeUser
}

func listRank(s protocol.SkillScope) int {
	return rank(s, protocol.SkillScopeRepo, protocol.SkillScopeUser, protocol.SkillScopeSystem)
}

func promptRank(s protocol.SkillScope) int {
	return rank(s, protocol.SkillScopeSystem, protocol.SkillScopeAdmin, protocol.SkillScopeRepo)
}

// rank is the place of s in order, or after it.
func rank(s protocol.SkillScope, order ...protocol.SkillScope) int {
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// apply switches skills by the rules, in their order.
func (sn *content) apply(rules []Rule) {
	for _, r := range rules {
		path := ""
		if r.Path != "" {
			path = canonical(r.Path)
		}
		for i := range sn.Skills {
			m := &sn.Skills[i]
			if r.Name != "" && m.Name == r.Name || path != "" && m.Path == path {
				m.Enabled = r.Enabled
			}
		}
	}
}

// canonical resolves the links of a path as far as it exists.
func canonical(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// Entry returns the snapshot as an entry of skills/list, for the working
// directory as the client spelled it.
func (sn *Snapshot) Entry(cwd string) protocol.SkillsListEntry {
	return protocol.SkillsListEntry{Cwd: cwd, Skills: sn.Skills, Errors: sn.Errors}
}

// wireHead is how an entry of skills/list begins.
const wireHead = `{"cwd":"",`

// Wire returns the entry's JSON from behind the folder on, the end included: made
// once, since a list of thousands of skills takes longer to write than to find.
// It must not be changed, and is nil if it cannot be had.
func (sn *Snapshot) Wire() []byte { return sn.encoded() }

func (sn *content) encode() []byte {
	b, err := protocol.Append(nil, protocol.SkillsListEntry{Skills: sn.Skills, Errors: sn.Errors})
	if err != nil || !bytes.HasPrefix(b, []byte(wireHead)) {
		return nil
	}
	return bytes.Clone(b[len(wireHead):])
}

func (sn *content) byName() map[string][]int {
	names := make(map[string][]int, len(sn.Skills))
	for i := range sn.Skills {
		if sn.Skills[i].Enabled {
			names[sn.Skills[i].Name] = append(names[sn.Skills[i].Name], i)
		}
	}
	return names
}

func (sn *content) inPromptOrder() []int {
	var order []int
	for i := range sn.Skills {
		if sn.Skills[i].Enabled && !sn.origins[i].explicit {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { // by name and path already
		return promptRank(sn.Skills[a].Scope) - promptRank(sn.Skills[b].Scope)
	})
	return order
}
