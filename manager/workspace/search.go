package workspace

import (
	"context"
	"slices"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A search is one that runs, with what ends it.
type search struct{ cancel context.CancelFunc }

// Search finds the files and folders below roots whose paths match a query, the
// best first, at most 50. An empty query finds nothing. A token, unless empty,
// ends the client's earlier search with the same one, which then finds nothing.
// ctx ends the search with its error.
func (c *Client) Search(ctx context.Context, text string, roots []string, token string) ([]protocol.FuzzyFileSearchResult, error) {
	results := []protocol.FuzzyFileSearchResult{}
	if text == "" || len(roots) == 0 {
		return results, nil
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	done, err := c.begin(&search{cancel}, token)
	if err != nil {
		return nil, err
	}
	defer done()

	q := parseQuery(text)
	matchers := make([]*matcher, workers())
	rankings := make([]ranking, workers())
	for i := range matchers {
		matchers[i] = newMatcher(q)
	}
	w := newWalk(roots, c.service.home, func(worker int, f *folder) {
		matchers[worker].rank(f, &rankings[worker])
	})
	switch err := w.run(own); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return results, nil
	}
	for _, f := range merge(rankings) {
		results = append(results, matchers[0].result(&f, roots[f.folder.root]))
	}
	return results, nil
}

// begin registers a search and ends the one whose token it has.
func (c *Client) begin(s *search, token string) (done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if token != "" {
		if old := c.tokens[token]; old != nil {
			old.cancel()
		}
		c.tokens[token] = s
	}
	c.searches[s] = true
	c.running.Add(1)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.searches, s)
		if c.tokens[token] == s {
			delete(c.tokens, token)
		}
		c.running.Done()
	}, nil
}

// merge puts rankings together, the best find first.
func merge(rankings []ranking) []find {
	var all []find
	for i := range rankings {
		all = append(all, rankings[i].heap...)
	}
	slices.SortFunc(all, func(a, b find) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
	return all[:min(len(all), mostFinds)]
}
