package hooks

import (
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A Set is the hooks that hold for a folder. It does not change. Nil has none.
type Set struct {
	hooks    []*hook
	warnings []string
	broken   []Broken
	behind   *Background // runs what nobody waits for
}

// Broken is a file that could not be read.
type Broken struct{ Path, Why string }

// Broken are the files that could not be read.
func (s *Set) Broken() []Broken {
	if s == nil {
		return nil
	}
	return s.broken
}

// Has says whether anything runs at an event, whatever it is about.
func (s *Set) Has(e Event) bool {
	if s == nil {
		return false
	}
	for _, h := range s.hooks {
		if h.event == e && h.may() {
			return true
		}
	}
	return false
}

// Entry is the set as hooks/list shows it.
func (s *Set) Entry(cwd string) protocol.HooksListEntry {
	entry := protocol.HooksListEntry{Cwd: cwd}
	if s == nil {
		return entry
	}
	entry.Warnings = s.warnings
	for _, h := range s.hooks {
		entry.Hooks = append(entry.Hooks, h.metadata())
	}
	return entry
}

func (h *hook) metadata() protocol.HookMetadata {
	managed := h.trust == protocol.HookTrustStatusManaged
	if h.kind == "mcp_tool" {
		return &protocol.HookMetadataMcpTool{Server: h.server, Tool: h.tool, CurrentHash: h.hash, DisplayOrder: int64(h.order), Enabled: !h.off,
			EventName: h.event.wire(), IsManaged: managed, Key: h.key, Source: h.source, SourcePath: protocol.AbsolutePathBuf(h.path),
			TimeoutSec: int64(h.limit / time.Second), TrustStatus: h.trust, AdditionalContextLimit: h.context, Matcher: h.matcher, StatusMessage: h.status}
	}
	return &protocol.HookMetadataCommand{Command: h.command, Async: h.async, CurrentHash: h.hash, DisplayOrder: int64(h.order), Enabled: !h.off,
		EventName: h.event.wire(), IsManaged: managed, Key: h.key, Source: h.source, SourcePath: protocol.AbsolutePathBuf(h.path),
		TimeoutSec: int64(h.limit / time.Second), TrustStatus: h.trust, AdditionalContextLimit: h.context, Matcher: h.matcher, StatusMessage: h.status}
}
