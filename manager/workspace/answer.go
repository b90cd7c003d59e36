package workspace

import (
	"sync"
	"sync/atomic"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// fewEntries are ranked on one goroutine: others would not be there in time.
const fewEntries = 4096

// An answer is the work on one query of a session: what was found among the
// folders so far. Only the session's own goroutine uses it.
type answer struct {
	turn     uint64
	text     string
	seen     int  // folders
	told     bool // something
	done     bool
	matchers []*matcher // nil until the first query
	rankings []ranking
}

// answer goes on with the session's query and tells what it finds. It reports
// whether the walk is over.
func (s *session) answer(a *answer) bool {
	folders, walked, open := s.take(a)
	if !open {
		return walked
	}
	more := folders[a.seen:]
	a.seen = len(folders)
	if a.text != "" && !a.rank(s, more) {
		return walked // another query is there, and a call with it
	}
	results := a.results(s.roots)
	news := walked && !a.told || len(more) > 0 && (walked || len(results) > 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.turn.Load() != a.turn {
		return walked
	}
	if news {
		a.told = true
		s.tell(protocol.MethodFuzzyFileSearchSessionUpdated, &protocol.FuzzyFileSearchSessionUpdatedNotification{
			SessionID: s.id, Query: a.text, Files: results})
	}
	if walked {
		a.done = true
		s.tell(protocol.MethodFuzzyFileSearchSessionCompleted, &protocol.FuzzyFileSearchSessionCompletedNotification{SessionID: s.id})
	}
	return walked
}

// take gives the folders so far, and turns an answer to the session's present
// query; not open when that has been answered or may not be yet.
func (s *session) take(a *answer) (folders []*folder, walked, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held || s.closed {
		return nil, s.walked, false
	}
	if turn := s.turn.Load(); turn != a.turn || a.matchers == nil {
		*a = answer{turn: turn, text: s.text, matchers: make([]*matcher, workers()), rankings: make([]ranking, workers())}
		q := parseQuery(a.text)
		for i := range a.matchers {
			a.matchers[i] = newMatcher(q)
		}
	}
	return s.folders, s.walked, !a.done
}

// rank adds what the folders hold; false if another query came meanwhile.
func (a *answer) rank(s *session, folders []*folder) bool {
	entries := 0
	for _, f := range folders {
		entries += len(f.ends)
	}
	var next atomic.Int64
	work := func(i int) {
		for s.turn.Load() == a.turn {
			n := int(next.Add(1)) - 1
			if n >= len(folders) {
				return
			}
			a.matchers[i].rank(folders[n], &a.rankings[i])
		}
	}
	if entries <= fewEntries {
		work(0)
	} else {
		var all sync.WaitGroup
		for i := range a.matchers {
			all.Go(func() { work(i) })
		}
		all.Wait()
	}
	return s.turn.Load() == a.turn
}

// results are the best finds as the client is told of them.
func (a *answer) results(roots []string) []protocol.FuzzyFileSearchResult {
	list := []protocol.FuzzyFileSearchResult{}
	for _, f := range merge(a.rankings) {
		list = append(list, a.matchers[0].result(&f, roots[f.folder.root]))
	}
	return list
}
