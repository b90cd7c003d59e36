package rpc

import (
	"context"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// lastSearch is how long a search may go on when the client's input has ended: it
// may still want the answer, as a script does that sends all it asks at once.
const lastSearch = 2 * time.Second

// fuzzyFileSearch finds files by a few letters of their paths.
func fuzzyFileSearch(ctx context.Context, c *Connection, p *protocol.FuzzyFileSearchParams) (reply, error) {
	search, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastSearch, cancel) })()
	found, err := c.files().Search(search, p.Query, p.Roots, value(p.CancellationToken))
	return done(&protocol.FuzzyFileSearchResponse{Files: found}, err)
}
