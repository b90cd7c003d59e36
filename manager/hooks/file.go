package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A handlerFile is a handler as files spell it.
type handlerFile struct {
	Type           string          `json:"type"`
	Command        *string         `json:"command"`
	CommandWindows *string         `json:"commandWindows"`
	Timeout        *int64          `json:"timeout"`
	Async          bool            `json:"async"`
	StatusMessage  *string         `json:"statusMessage"`
	ContextLimit   *int64          `json:"additionalContextLimit"`
	Server         string          `json:"server"`
	Tool           string          `json:"tool"`
	Input          json.RawMessage `json:"input"`
}

type groupFile struct {
	Matcher *string       `json:"matcher"`
	Hooks   []handlerFile `json:"hooks"`
}

// parseFile reads hooks.json.
func parseFile(data []byte) (map[Event][]groupFile, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, err
	}
	for _, k := range slices.Sorted(maps.Keys(top)) {
		if k != "description" && k != "hooks" {
			return nil, fmt.Errorf("unknown field `%s`, expected `description` or `hooks`", k)
		}
	}
	if top["hooks"] == nil {
		return nil, nil
	}
	return parseEvents(top["hooks"])
}

// parseEvents reads a table of events. Names that are no event are left alone:
// [hooks] of config.toml has other keys, too.
func parseEvents(data []byte) (map[Event][]groupFile, error) {
	var table map[string]json.RawMessage
	if err := json.Unmarshal(data, &table); err != nil {
		return nil, err
	}
	events := make(map[Event][]groupFile)
	for _, e := range allEvents() {
		raw, ok := table[string(e)]
		if !ok {
			continue
		}
		var groups []groupFile
		if err := json.Unmarshal(raw, &groups); err != nil {
			return nil, fmt.Errorf("%s: %w", e, err)
		}
		for _, g := range groups {
			for _, h := range g.Hooks {
				if err := h.check(); err != nil {
					return nil, fmt.Errorf("%s: %w", e, err)
				}
			}
		}
		if len(groups) > 0 {
			events[e] = groups
		}
	}
	return events, nil
}

func (h handlerFile) check() error {
	switch h.Type {
	case "command":
		if h.Command == nil {
			return errors.New("missing field `command`")
		}
	case "mcp_tool":
		if h.Server == "" || h.Tool == "" {
			return errors.New("an mcp_tool needs `server` and `tool`")
		}
	case "prompt", "agent":
	case "":
		return errors.New("missing field `type`")
	default:
		return fmt.Errorf("unknown variant `%s`, expected one of `command`, `mcp_tool`, `prompt`, `agent`", h.Type)
	}
	if h.Timeout != nil && *h.Timeout < 0 || h.ContextLimit != nil && *h.ContextLimit < 0 {
		return errors.New("a limit is negative")
	}
	return nil
}

// hooksOf makes the hooks of a parsed file. Warnings name what is left out.
func hooksOf(path string, events map[Event][]groupFile) (all []*hook, warnings []string) {
	warn := func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	for _, e := range allEvents() {
		for gi, g := range events[e] {
			matcher := g.Matcher
			if e.unmatched() {
				matcher = nil
			}
			matches, err := matcherOf(matcher)
			if err != nil {
				warn("invalid matcher %q in %s: %v", *matcher, path, err)
				continue
			}
			for i, f := range g.Hooks {
				switch {
				case f.Type == "prompt" || f.Type == "agent":
					warn("skipping %s hook in %s: %[1]s hooks are not supported yet", f.Type, path)
					continue
				case f.Type == "command" && strings.TrimSpace(f.command()) == "":
					warn("skipping empty hook command in %s", path)
					continue
				}
				h := f.hook(e)
				if e.hurried() && h.limit > hurriedMost {
					h.limit = hurriedMost
					warn("clamping %s hook timeout to %.0fs in %s", e, hurriedMost.Seconds(), path)
				}
				h.matcher, h.matches, h.path = matcher, matches, path
				h.key = fmt.Sprintf("%s:%s:%d:%d", path, e.label('_'), gi, i)
				h.hash = h.fingerprint()
				all = append(all, h)
			}
		}
	}
	return all, warnings
}

// command is the command line for this system.
func (h handlerFile) command() string {
	if runtime.GOOS == "windows" && h.CommandWindows != nil {
		return *h.CommandWindows
	}
	if h.Command == nil {
		return ""
	}
	return *h.Command
}

func (h handlerFile) hook(e Event) *hook {
	out := &hook{event: e, kind: h.Type, command: h.command(), server: h.Server, tool: h.Tool, input: h.Input, async: h.Async,
		status: h.StatusMessage, context: h.ContextLimit, limit: e.limit()}
	if out.kind == "mcp_tool" && out.input == nil {
		out.input = json.RawMessage("{}")
	}
	if h.Timeout != nil {
		const most = int64(24 * time.Hour / time.Second) // more is no limit either
		out.limit = time.Duration(min(max(*h.Timeout, 1), most)) * time.Second
	}
	return out
}
