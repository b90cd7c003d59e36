package patch

import (
	"bytes"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Changes are the plan as a fileChange item shows it, sorted by path: content for files that come or go, a diff with one
// line of context for those that change.
func (pl *Plan) Changes() []protocol.FileUpdateChange {
	out := make([]protocol.FileUpdateChange, 0, len(pl.steps))
	for _, s := range pl.steps {
		c := protocol.FileUpdateChange{Path: s.path}
		switch s.kind {
		case Add:
			c.Kind, c.Diff = &protocol.PatchChangeKindAdd{}, string(s.after)
		case Delete:
			c.Kind, c.Diff = &protocol.PatchChangeKindDelete{}, strings.ToValidUTF8(string(s.before), "\uFFFD")
		case Update:
			kind := &protocol.PatchChangeKindUpdate{}
			c.Kind, c.Diff = kind, hunks(string(s.before), string(s.after), 1)
			if s.move != "" {
				kind.MovePath = &s.move
				c.Diff += "\n\nMoved to: " + s.move
			}
		}
		out = append(out, c)
	}
	sortChanges(out)
	return out
}

// hunks is a unified diff without its two lines of names; empty where nothing differs.
func hunks(before, after string, context int) string {
	if before == after {
		return ""
	}
	diff, err := udiff.ToUnified("a", "b", before, udiff.Lines(before, after), context)
	if err != nil {
		return ""
	}
	for range 2 {
		_, diff, _ = strings.Cut(diff, "\n")
	}
	return diff
}

// isBinary tells content that no diff can show.
func isBinary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0
}
