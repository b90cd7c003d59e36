package manager

import (
	"context"
	"errors"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// List is a page of stored threads. Those that are live show how they stand now.
func (m *Manager) List(ctx context.Context, p *protocol.ThreadListParams) (*protocol.ThreadListResponse, error) {
	if len(p.Originators) > 0 {
		return nil, &thread.Failure{Kind: thread.KindNotSupported, Code: -32602, Remedy: "filter the page yourself",
			Err: errors.New("originator filtering is not supported by the local app-server")}
	}
	cfg, broken := m.hostConfig(ctx)
	provider, err := m.providerFor(cfg, "")
	if err != nil {
		return nil, err
	}
	o := listOptions(p, provider.ID)
	if err := m.family(ctx, p, &o); err != nil {
		return nil, err
	}
	if broken && p.ModelProviders == nil {
		o.Providers = nil // which one is configured cannot be known
	}
	page, err := m.store.List(o)
	if errors.Is(err, rollout.ErrBadCursor) {
		return nil, &thread.Refusal{Kind: thread.KindInvalidInput, Message: err.Error(), Remedy: "pass nextCursor of the page before, or none"}
	}
	if err != nil {
		return nil, &thread.Refusal{Kind: thread.KindStorage, Message: err.Error()}
	}
	r := &protocol.ThreadListResponse{NextCursor: nonEmpty(page.Next), BackwardsCursor: nonEmpty(page.Backwards)}
	for _, s := range page.Threads {
		v := m.storedView(s)
		if l := m.loaded(s.ID); l != nil {
			v = m.liveView(l)
			v.CanAcceptDirectInput = nil // lists do not say
		}
		v.ForkedFromID = nil // nor that: thread/read does
		r.Data = append(r.Data, v)
	}
	return r, nil
}

// listOptions are the wire's filters as the store takes them. Without
// modelProviders only threads of the configured provider are listed, with an
// empty list those of all.
func listOptions(p *protocol.ThreadListParams, provider string) rollout.ListOptions {
	o := rollout.ListOptions{Cursor: value(p.Cursor), Archived: value(p.Archived), Search: value(p.SearchTerm),
		DefaultProvider: provider, Providers: []string{provider}, Excluded: p.ExcludedThreadIDs}
	if p.Limit != nil {
		o.Limit = max(int(*p.Limit), 1)
	}
	if p.ModelProviders != nil {
		o.Providers = p.ModelProviders
		if len(o.Providers) == 0 {
			o.Providers = nil
		}
	}
	if p.SortKey != nil && *p.SortKey != protocol.ThreadSortKeyCreatedAt {
		o.SortKey = rollout.SortUpdated // recency is known by the file's time alone
	}
	o.Ascending = p.SortDirection != nil && *p.SortDirection == protocol.SortDirectionAsc
	for _, k := range p.SourceKinds {
		o.Sources = append(o.Sources, string(k))
	}
	switch f := p.Cwd.(type) {
	case protocol.ThreadListCwdFilterString:
		o.Cwds = []string{string(f)}
	case protocol.ThreadListCwdFilterList:
		o.Cwds = f
	}
	return o
}

// family has only those listed that a thread has spawned, or that descend from it
// at any depth.
func (m *Manager) family(ctx context.Context, p *protocol.ThreadListParams, o *rollout.ListOptions) error {
	switch {
	case p.ParentThreadID != nil:
		o.Parents = []string{*p.ParentThreadID}
	case p.AncestorThreadID != nil:
		o.Parents = []string{*p.AncestorThreadID}
		if tree, err := m.ListSubtree(ctx, *p.AncestorThreadID); err == nil {
			o.Parents = tree
		} else if ctx.Err() != nil {
			return ctx.Err()
		}
	default:
		return nil
	}
	if len(o.Sources) == 0 {
		o.Sources = []string{"subAgent"}
	}
	return nil
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
