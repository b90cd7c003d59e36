package rollout

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sort keys of a list.
const (
	SortCreated = "created_at"
	SortUpdated = "updated_at"
	SortRecency = "recency_at" // nothing in the files tells it from SortUpdated
)

// ListOptions say which threads, and in what order. The zero value is the newest 25 interactive ones.
type ListOptions struct {
	Limit           int    // at most 100; 0 means 25
	Cursor          string // of an earlier page
	SortKey         string // SortCreated if empty
	Ascending       bool
	Archived        bool
	Cwds            []string // exact; nil means any
	Providers       []string // nil means any
	DefaultProvider string   // what a file that names no provider counts as
	Sources         []string // kinds as on the wire: cli, vscode, exec, subAgentReview, ...; nil means interactive ones
	Search          string   // in preview or name, case-sensitive
	Excluded        []string // thread ids to leave out
	Parents         []string // ids of threads whose agents alone are wanted; nil means any thread
}

// Page is a page of a list.
type Page struct {
	Threads   []Summary
	Next      string // cursor of the page after, empty if there is none
	Backwards string // cursor for the opposite order, behind the first thread of this page; empty if it has none
}

// ErrBadCursor says that a cursor is none.
var ErrBadCursor = errors.New("invalid cursor")

// List returns a page of threads. Files that cannot be read are left out.
func (s *Store) List(o ListOptions) (Page, error) {
	if o.Limit = min(o.Limit, 100); o.Limit <= 0 {
		o.Limit = 25
	}
	from, err := parseCursor(o.Cursor)
	if err != nil {
		return Page{}, err
	}
	names := s.names.load(s.indexPath())
	threads, err := s.threads(o.Archived)
	if err != nil {
		return Page{}, fmt.Errorf("listing threads: %w", err)
	}
	p := pager{store: s, options: o, from: from, names: names}
	if o.SortKey == SortUpdated || o.SortKey == SortRecency {
		return p.byUpdate(threads)
	}
	return p.byCreation(threads)
}

// candidate is a thread whose files have not been looked into.
type candidate struct {
	stamp string // of its first file
	id    string
	first string // path of its first file
	path  string // path of its newest one
}

// merged is the list of all threads as the folders stood that it was made of.
type merged struct {
	mu      sync.Mutex
	folders []*folder
	list    []candidate
}

// threads returns all threads, newest first; the list is not to be changed. Only folders are read, and only those
// that changed.
func (s *Store) threads(archived bool) ([]candidate, error) {
	if archived {
		dir, err := s.listing.read(s.archive())
		if err != nil {
			return nil, err
		}
		return mergeFolders([]*folder{dir}), nil
	}
	var folders []*folder
	err := s.days("", func(day *folder) bool {
		folders = append(folders, day)
		return true
	})
	if err != nil {
		return nil, err
	}
	m := &s.merged
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.folders, folders) {
		m.folders, m.list = folders, mergeFolders(folders)
	}
	return m.list, nil
}

// mergeFolders makes one thread of the files of each. Folders and files come newest first.
func mergeFolders(folders []*folder) []candidate {
	n := 0
	for _, dir := range folders {
		n += len(dir.files)
	}
	list := make([]candidate, 0, n)
	segments := map[string]string{} // newest, of threads whose first file is yet to come
	for _, dir := range folders {
		for _, e := range dir.files {
			if e.segment != "" {
				if segments[e.id] == "" {
					segments[e.id] = e.path
				}
				continue
			}
			c := candidate{e.stamp, e.id, e.path, e.path}
			if newer := segments[e.id]; newer != "" {
				c.path = newer
				delete(segments, e.id)
			}
			list = append(list, c)
		}
	}
	return list
}

type pager struct {
	store   *Store
	options ListOptions
	from    cursor
	names   map[string]string
}

// summary looks into a thread's files; ok is false if it is not to be shown.
func (p *pager) summary(c candidate) (sum Summary, ok bool) {
	if slices.Contains(p.options.Excluded, c.id) {
		return sum, false
	}
	h, err := p.store.head(c.path)
	if err != nil || h.meta.ID == "" {
		return sum, false
	}
	sum = Summary{ID: c.id, Path: c.path, Meta: h.meta, Preview: h.preview, Model: h.model, Name: p.names[c.id],
		CreatedAt: h.meta.Timestamp, UpdatedAt: h.modTime, Archived: p.options.Archived}
	if !p.wanted(&sum) {
		return sum, false
	}
	listed := h.listed
	if h.meta.Base != nil {
		listed = p.inherited(&sum, c) || listed
	}
	return sum, listed && p.matches(&sum)
}

// inherited takes what a fork or a reverted thread shows from the thread that it builds on.
func (p *pager) inherited(sum *Summary, c candidate) bool {
	if c.first != c.path {
		if first, err := p.store.head(c.first); err == nil && first.meta.ID != "" {
			sum.CreatedAt = first.meta.Timestamp
		}
	}
	base, err := p.store.firstHead(sum.Meta.Base)
	if err != nil || !base.listed {
		return false
	}
	sum.Preview = base.preview
	sum.Model = orElse(sum.Model, base.model)
	return true
}

// wanted applies the filters that need no more than the session meta.
func (p *pager) wanted(sum *Summary) bool {
	o := &p.options
	if o.Cwds != nil && !slices.Contains(o.Cwds, sum.Meta.Cwd) {
		return false
	}
	if o.Providers != nil && !slices.Contains(o.Providers, orElse(sum.Meta.ModelProvider, o.DefaultProvider)) {
		return false
	}
	if o.Parents != nil && !slices.Contains(o.Parents, sum.Meta.ParentThreadID) {
		return false
	}
	return sourceWanted(sum.Meta.Source, o.Sources)
}

func (p *pager) matches(sum *Summary) bool {
	q := p.options.Search
	return q == "" || strings.Contains(sum.Preview, q) || strings.Contains(sum.Name, q)
}

// sourceWanted reports whether a source is of one of the kinds; no kinds means interactive.
func sourceWanted(source json.RawMessage, kinds []string) bool {
	kind, custom := SourceKind(source)
	if len(kinds) == 0 {
		return kind == "cli" || kind == "vscode" || custom == "atlas" || custom == "chatgpt"
	}
	return slices.ContainsFunc(kinds, func(k string) bool {
		return kind != "" && (k == kind || k == "subAgent" && strings.HasPrefix(kind, k))
	})
}

// SourceKind names the kind of a session source as list filters do; a custom source has a name and no kind.
func SourceKind(source json.RawMessage) (kind, custom string) {
	if isNull(source) {
		return "vscode", ""
	}
	if source[0] == '"' {
		if kind = decodeString(source); kind == "mcp" {
			kind = "appServer"
		}
		return kind, ""
	}
	if c := memberString(source, "custom"); c != "" {
		return "", c
	}
	sub := member(source, "subagent")
	switch {
	case decodeString(sub) == "review":
		return "subAgentReview", ""
	case decodeString(sub) == "compact":
		return "subAgentCompact", ""
	case !isNull(member(sub, "thread_spawn")):
		return "subAgentThreadSpawn", ""
	case sub != nil:
		return "subAgentOther", ""
	}
	return "unknown", ""
}

// byCreation needs to look into no more files than the page takes.
func (p *pager) byCreation(list []candidate) (Page, error) {
	if p.options.Ascending {
		list = slices.Clone(list)
		slices.Reverse(list)
	}
	page := Page{}
	for first, i := p.start(list), p.start(list); i < len(list); i++ {
		// Most pages end soon; a search that finds little has to look into everything, side by side then.
		if ahead := i - first; ahead >= 256 && ahead%1024 == 256 {
			p.store.warm(list[i:min(i+1024, len(list))])
		}
		sum, ok := p.summary(list[i])
		if !ok {
			continue
		}
		if len(page.Threads) == p.options.Limit {
			return page, nil
		}
		at := cursor{stampTime(list[i].stamp), list[i].id}
		if len(page.Threads) == 0 {
			page.Backwards = at.String()
		}
		page.Threads = append(page.Threads, sum)
		page.Next = at.String()
	}
	page.Next = ""
	return page, nil
}

// start is where the page begins in the sorted list.
func (p *pager) start(list []candidate) int {
	if p.from.at.IsZero() {
		return 0
	}
	i, _ := slices.BinarySearchFunc(list, p.from, func(c candidate, from cursor) int {
		if p.after(cursor{stampTime(c.stamp), c.id}) {
			return 1
		}
		return -1
	})
	return i
}

// after reports whether a place comes after the cursor in the order of the list.
func (p *pager) after(c cursor) bool {
	d := c.compare(p.from)
	if p.options.Ascending {
		return d > 0
	}
	return d < 0
}

// byUpdate has to look at every file's time.
func (p *pager) byUpdate(list []candidate) (Page, error) {
	type dated struct {
		candidate
		cursor
	}
	heads := p.store.warm(list)
	all := make([]dated, 0, len(list))
	for i, c := range list {
		at := cursor{heads[i].modTime.Truncate(time.Millisecond), c.id}
		if heads[i].meta.ID != "" && (p.from.at.IsZero() || p.after(at)) {
			all = append(all, dated{c, at})
		}
	}
	slices.SortFunc(all, func(a, b dated) int {
		if p.options.Ascending {
			return a.compare(b.cursor)
		}
		return b.compare(a.cursor)
	})
	page := Page{}
	for _, c := range all {
		if sum, ok := p.summary(c.candidate); ok {
			if len(page.Threads) == p.options.Limit {
				return page, nil
			}
			if len(page.Threads) == 0 {
				page.Backwards = c.cursor.String()
			}
			page.Threads = append(page.Threads, sum)
			page.Next = c.cursor.String()
		}
	}
	page.Next = ""
	return page, nil
}

// cursor is a place in a list: a time and, among threads of one time, an id.
type cursor struct {
	at time.Time
	id string
}

func (c cursor) String() string {
	s := c.at.UTC().Format("2006-01-02T15:04:05.999Z07:00")
	if c.id != "" {
		s += "|" + c.id
	}
	return s
}

// compare orders by time, then by id; a cursor without an id is equal to all of its time.
func (c cursor) compare(d cursor) int {
	if t := c.at.Compare(d.at); t != 0 || c.id == "" || d.id == "" {
		return t
	}
	return cmp.Compare(c.id, d.id)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	at, id, _ := strings.Cut(s, "|")
	if c.at, err = time.Parse(time.RFC3339, at); err != nil || c.at.IsZero() {
		return c, fmt.Errorf("%w: %s", ErrBadCursor, s)
	}
	c.id = id
	return c, nil
}

// stampTime reads the time in a file name as if it were UTC: it orders files, it dates nothing.
func stampTime(stamp string) time.Time {
	t, _ := time.Parse(fileStamp, stamp)
	return t
}
