package rpc

import (
	"context"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// threadSearch lists the threads whose preview or name holds a text.
func threadSearch(ctx context.Context, c *Connection, p *protocol.ThreadSearchParams) (reply, error) {
	if p.SearchTerm == "" {
		return reply{}, &thread.Refusal{Kind: thread.KindInvalidInput, Message: "thread/search requires a non-empty searchTerm", Remedy: "use thread/list to see all"}
	}
	list := &protocol.ThreadListParams{SearchTerm: &p.SearchTerm, Archived: p.Archived, Cursor: p.Cursor, Limit: p.Limit,
		SortDirection: p.SortDirection, SourceKinds: p.SourceKinds, ModelProviders: []string{}}
	page, err := c.manager.List(ctx, list)
	if err != nil {
		return reply{}, err
	}
	r := &protocol.ThreadSearchResponse{NextCursor: page.NextCursor, BackwardsCursor: page.BackwardsCursor}
	for _, t := range page.Data {
		r.Data = append(r.Data, protocol.ThreadSearchResult{Snippet: t.Preview, Thread: t})
	}
	return reply{result: r}, nil
}
