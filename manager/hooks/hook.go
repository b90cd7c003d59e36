package hooks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A hook is one handler of one event.
type hook struct {
	event   Event
	kind    string // command or mcp_tool
	command string
	server  string // of an MCP tool
	tool    string
	input   json.RawMessage
	async   bool
	limit   time.Duration
	status  *string // what a client shows while it runs
	context *int64  // tokens of context it may add
	matcher *string
	matches func(subject string) bool

	source protocol.HookSource
	path   string
	key    string
	hash   string
	order  int
	off    bool // the user switched it off
	bypass bool // it runs untrusted
	trust  protocol.HookTrustStatus
}

// runs says whether the hook may run for an event about subject.
func (h *hook) runs(e Event, subjects []string) bool {
	return h.event == e && h.may() && (e.unmatched() || slices.ContainsFunc(subjects, h.matches))
}

// may says whether the hook may run at all. MCP tools are listed, and not run.
func (h *hook) may() bool {
	return h.kind == "command" && !h.off && (h.bypass || h.trusted())
}

func (h *hook) trusted() bool {
	return h.trust == protocol.HookTrustStatusTrusted || h.trust == protocol.HookTrustStatusManaged
}

// fingerprint is the hash of what the hook does and when; trust is given to it.
// It is the reference's, so that both programs know a trust given in one.
func (h *hook) fingerprint() string {
	handler := map[string]any{"type": h.kind, "timeout": int64(h.limit / time.Second)}
	if h.kind == "command" {
		handler["command"], handler["async"] = h.command, h.async
	} else {
		handler["server"], handler["tool"], handler["input"] = h.server, h.tool, h.input
	}
	if h.status != nil {
		handler["statusMessage"] = *h.status
	}
	if h.context != nil {
		handler["additionalContextLimit"] = *h.context
	}
	identity := map[string]any{"event_name": h.event.label('_'), "hooks": []any{handler}}
	if h.matcher != nil {
		identity["matcher"] = *h.matcher
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // sorts the keys of maps
	enc.SetEscapeHTML(false)
	_ = enc.Encode(identity) // strings and numbers, and JSON that was read before
	sum := sha256.Sum256(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// matcherOf compiles a matcher: nothing, "" and "*" match all; words joined by |
// match exactly those; everything else is a regular expression for a part.
func matcherOf(text *string) (func(string) bool, error) {
	if text == nil || *text == "" || *text == "*" {
		return func(string) bool { return true }, nil
	}
	if !strings.ContainsFunc(*text, func(r rune) bool {
		return r != '|' && r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}) {
		words := strings.Split(*text, "|")
		return func(s string) bool { return slices.Contains(words, s) }, nil
	}
	re, err := regexp.Compile(*text)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}
