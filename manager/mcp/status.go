package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Status is one row of mcpServerStatus/list.
type Status struct {
	Name string
	// Row is an McpServerStatus as the wire has it. Tools and resources in it are
	// the server's, verbatim.
	Row json.RawMessage
}

// Status tells of servers outside of any thread. Servers that are not running
// are started for it and stopped after the linger. Each is asked beside the
// others and bounded by its own startup timeout. full asks for resources too.
func (s *Service) Status(ctx context.Context, servers []Server, full bool) []Status {
	members := make([]*member, 0, len(servers))
	for _, server := range servers {
		members = append(members, &member{server: server})
	}
	return statuses(ctx, members, func(ctx context.Context, m *member) json.RawMessage {
		if !m.server.Enabled {
			return s.row(ctx, &m.server, nil, nil, nil)
		}
		l, err := m.server.launch(s.opts.Home, s.opts.Client, s.opts.Env)
		if err != nil {
			return s.row(ctx, &m.server, nil, err, nil)
		}
		i := s.anywhere(l, m.server.startupTimeout())
		if i == nil {
			return s.row(ctx, &m.server, nil, context.Canceled, nil)
		}
		defer i.release()
		i.begin()
		return m.status(ctx, i, full)
	})
}

// Status tells of the thread's servers as they are now: it waits for none that
// is still starting.
func (t *Set) Status(ctx context.Context, full bool) []Status {
	return statuses(ctx, t.list(), func(ctx context.Context, m *member) json.RawMessage {
		runtime := m.runtime()
		var r json.RawMessage
		switch {
		case m.instance == nil:
			r = t.svc.row(ctx, &m.server, nil, m.err, nil)
		case runtime == protocol.McpServerConnectionStatusStarting:
			r = t.svc.row(ctx, &m.server, m.instance, nil, nil)
		default:
			r = m.status(ctx, m.instance, full)
		}
		return bytes.Replace(r, []byte(`"runtimeStatus":null`), []byte(`"runtimeStatus":"`+string(runtime)+`"`), 1)
	})
}

// runtime is where the member's server is in its life.
func (m *member) runtime() protocol.McpServerConnectionStatus {
	switch {
	case !m.server.Enabled:
		return protocol.McpServerConnectionStatusDisabled
	case m.instance == nil:
		return protocol.McpServerConnectionStatusFailed
	}
	m.mu.Lock()
	cancelled := m.told == Cancelled
	m.mu.Unlock()
	m.instance.mu.Lock()
	defer m.instance.mu.Unlock()
	switch {
	case cancelled:
		return protocol.McpServerConnectionStatusCancelled
	case m.instance.phase == up:
		return protocol.McpServerConnectionStatusConnected
	case m.instance.phase == starting:
		return protocol.McpServerConnectionStatusStarting
	}
	if e, ok := errors.AsType[*provider.StartError](m.instance.err); ok && e.Stage == provider.StageAuth {
		return protocol.McpServerConnectionStatusAuthenticationRequired
	}
	return protocol.McpServerConnectionStatusFailed
}

// listWait is what a server has for its lists, beyond the time for its start.
const listWait = 5 * time.Second

// statuses asks all members side by side and sorts the rows by name.
func statuses(ctx context.Context, members []*member, ask func(context.Context, *member) json.RawMessage) []Status {
	out := make([]Status, len(members))
	var wg sync.WaitGroup
	for n, m := range members {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, m.server.startupTimeout()+listWait)
			defer cancel()
			out[n] = Status{Name: m.server.Name, Row: ask(ctx, m)}
		})
	}
	wg.Wait()
	slices.SortFunc(out, func(a, b Status) int { return compare(a.Name, b.Name) })
	return out
}

// resourceLists are what a full status adds.
type resourceLists struct{ resources, templates []json.RawMessage }

func (m *member) status(ctx context.Context, i *instance, full bool) json.RawMessage {
	if err := i.wait(ctx); err != nil {
		return i.svc.row(ctx, &m.server, i, err, nil)
	}
	session := i.current()
	if session == nil {
		return i.svc.row(ctx, &m.server, i, nil, nil) // it died; its tools stay, for the next call starts it again
	}
	var lists resourceLists
	if full {
		// A server without resources answers with an error; the lists stay empty.
		lists.resources, _ = resourcePages.all(ctx, session)
		lists.templates, _ = templatePages.all(ctx, session)
	}
	return i.svc.row(ctx, &m.server, i, nil, &lists)
}

// row writes one row. i is nil when the server was not started.
func (svc *Service) row(ctx context.Context, s *Server, i *instance, failure error, lists *resourceLists) json.RawMessage {
	r := struct {
		Name      string                     `json:"name"`
		Runtime   *string                    `json:"runtimeStatus"`
		Origin    *string                    `json:"httpOrigin"`
		Plugin    *string                    `json:"pluginId"`
		Info      json.RawMessage            `json:"serverInfo"`
		Can       json.RawMessage            `json:"serverCapabilities"`
		ToolsMeta json.RawMessage            `json:"toolListMeta"`
		Tools     map[string]json.RawMessage `json:"tools"`
		Error     *string                    `json:"toolsError"`
		Resources []json.RawMessage          `json:"resources"`
		Templates []json.RawMessage          `json:"resourceTemplates"`
		Auth      protocol.McpAuthStatus     `json:"authStatus"`
	}{
		Name: s.Name, Origin: s.origin(), Auth: svc.auth(ctx, s, i),
		Tools: map[string]json.RawMessage{}, Resources: []json.RawMessage{}, Templates: []json.RawMessage{},
	}
	if failure != nil {
		text := toolsError(s, failure)
		r.Error = &text
	} else if i != nil {
		i.mu.Lock()
		r.Info, r.Can, r.ToolsMeta = serverInfo(i.info.ServerInfo), i.info.Capabilities, i.info.ToolsMeta
		for _, t := range i.tools {
			if s.allows(t.Name) {
				r.Tools[t.Name] = t.raw
			}
		}
		i.mu.Unlock()
	}
	if lists != nil {
		r.Resources = append(r.Resources, lists.resources...)
		r.Templates = append(r.Templates, lists.templates...)
	}
	raw, err := json.Marshal(r)
	if err != nil { // every raw part came out of a JSON decoder
		raw = json.RawMessage("{}")
	}
	return raw
}

// serverInfo is the server's description of itself in the shape of the wire.
func serverInfo(raw json.RawMessage) json.RawMessage {
	var info protocol.McpServerInfo
	if len(raw) == 0 || protocol.Decode(raw, &info) != nil {
		return nil
	}
	out, err := protocol.Append(nil, &info)
	if err != nil {
		return nil
	}
	return out
}
