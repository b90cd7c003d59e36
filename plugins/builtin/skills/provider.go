package skills

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/codexhost/codexhost/plugins/skill"
)

// maxText bounds the text of a skill that Read returns, in bytes: as much as a
// turn may hold.
const maxText = 1 << 20

// maxStates bounds how many sets of roots are remembered.
const maxStates = 64

// Provider is a skill.Provider over folders. The zero value is not usable.
type Provider struct {
	memory memory

	mu         sync.Mutex // guards the rest
	states     map[string]*state
	generation uint64
}

// state is the last listing for one set of roots.
type state struct {
	mu      sync.Mutex // held while listing
	walk    *walk      // what it was made of; nil before the first
	listing skill.Listing
}

// New returns a provider.
func New() *Provider {
	return &Provider{states: make(map[string]*state), memory: memory{folders: make(map[string]*folder), linked: make(map[string]*found)}}
}

var _ skill.Provider = (*Provider)(nil)

// List walks the roots anew. What has not changed since it was last read is
// not read again.
func (p *Provider) List(ctx context.Context, req skill.ListRequest) (skill.Listing, error) {
	st := p.state(req.Roots)
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := p.refresh(ctx, st, req.Roots); err != nil {
		return skill.Listing{}, err
	}
	if req.Known != 0 && req.Known == st.listing.Generation {
		return skill.Listing{Generation: req.Known, Unchanged: true}, nil
	}
	return st.listing, nil
}

// refresh brings st up to date. Its lock is held.
func (p *Provider) refresh(ctx context.Context, st *state, roots []skill.Root) error {
	w := newWalk(&p.memory, roots)
	if err := w.run(ctx); err != nil {
		return fmt.Errorf("walking the skill folders: %w", err)
	}
	slices.Sort(w.watch)
	w.watch = slices.Compact(w.watch)
	if st.walk == nil || !w.equal(st.walk) {
		p.mu.Lock()
		p.generation++
		generation := p.generation
		p.mu.Unlock()
		st.listing = w.listing(generation)
	}
	st.walk = w
	return nil
}

// equal tells whether two walks over the same roots found the same.
func (w *walk) equal(o *walk) bool {
	return slices.Equal(w.hits, o.hits) && slices.Equal(w.problems, o.problems) && slices.Equal(w.watch, o.watch)
}

func (w *walk) listing(generation uint64) skill.Listing {
	l := skill.Listing{
		Skills: make([]skill.Skill, len(w.hits)), Errors: w.problems, Watch: w.watch, Generation: generation,
	}
	for i, h := range w.hits {
		s, r := h.found.skill, w.roots[h.root].Root
		if linked := h.found.linked; linked != "" && !w.allowed(&w.roots[h.root], linked) {
			s.Interface, s.Tools, s.Policy = nil, nil, skill.Policy{}
		}
		s.Root, s.Scope, s.Namespace, s.Via = r.Path, r.Scope, r.Namespace, h.via
		l.Skills[i] = s
	}
	return l
}

// Read returns the text of a skill that a listing of the same roots has.
func (p *Provider) Read(ctx context.Context, req skill.ReadRequest) (skill.Content, error) {
	listed, err := p.listed(ctx, req)
	if err != nil {
		return skill.Content{}, err
	}
	if !listed {
		return skill.Content{}, skill.ErrNotFound
	}
	// The path was canonical when it was listed. If it no longer is, a link was
	// put into it, and leads nobody knows where.
	if real, err := filepath.EvalSymlinks(req.Path); err != nil || real != req.Path {
		return skill.Content{}, skill.ErrNotFound
	}
	f, err := openRegular(req.Path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errIrregular) {
		return skill.Content{}, skill.ErrNotFound
	}
	if err != nil {
		return skill.Content{}, errors.New(bare(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return skill.Content{}, errors.New(bare(err))
	}
	if len(b) > maxText {
		return skill.Content{}, fmt.Errorf("the file is longer than %d bytes", maxText)
	}
	return skill.Content{Text: b}, nil
}

// listed tells whether the path is that of a skill under the roots.
func (p *Provider) listed(ctx context.Context, req skill.ReadRequest) (bool, error) {
	st := p.state(req.Roots)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.walk != nil && st.walk.seen[req.Path] {
		return true, nil
	}
	if err := p.refresh(ctx, st, req.Roots); err != nil {
		return false, err
	}
	return st.walk.seen[req.Path], nil
}

func (p *Provider) state(roots []skill.Root) *state {
	var key strings.Builder
	for _, r := range roots {
		fmt.Fprintf(&key, "%q %q %q %q\n", r.Path, r.Scope, r.Within, r.Namespace)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	st, ok := p.states[key.String()]
	if !ok {
		if len(p.states) >= maxStates {
			clear(p.states) // they are made again on need
		}
		st = &state{}
		p.states[key.String()] = st
	}
	return st
}

// memory holds what was read, by canonical path, for all sets of roots.
type memory struct {
	mu      sync.RWMutex
	folders map[string]*folder
	linked  map[string]*found // by the path of the link
}

// maxMemory bounds the folders that are remembered.
const maxMemory = 50_000

func (m *memory) get(path string) *folder {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.folders[path]
}

func (m *memory) put(path string, f *folder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.folders) >= maxMemory {
		clear(m.folders)
	}
	m.folders[path] = f
}

// same returns what was found behind the link before, if f is no different.
func (m *memory) same(link string, f *found) *found {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.linked[link]; old != nil && f != nil && reflect.DeepEqual(old, f) {
		return old
	}
	if len(m.linked) >= maxMemory {
		clear(m.linked)
	}
	m.linked[link] = f
	return f
}
