package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// pages is one of the paged lists.
type pages struct {
	what   provider.Listing
	member string // of the result
}

var (
	toolPages     = pages{provider.Tools, "tools"}
	resourcePages = pages{provider.Resources, "resources"}
	templatePages = pages{provider.ResourceTemplates, "resourceTemplates"}
)

// errEndless stops a server that pages for ever. What it listed before is good.
var errEndless = errors.New("the list has no end")

// A list is cut off at whichever comes first.
const (
	maxPages = 1000
	maxList  = 16 << 20
)

// page fetches one page.
func (p pages) page(ctx context.Context, session provider.Session, cursor string) (list []json.RawMessage, next string, err error) {
	raw, err := session.List(ctx, p.what, cursor)
	if err != nil {
		return nil, "", err
	}
	var result map[string]json.RawMessage
	if err := json.Unmarshal(raw, &result); err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", p.member, err)
	}
	if err := json.Unmarshal(result[p.member], &list); err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", p.member, err)
	}
	if c := result["nextCursor"]; !isNull(c) {
		if err := json.Unmarshal(c, &next); err != nil {
			return nil, "", fmt.Errorf("reading the cursor of %s: %w", p.member, err)
		}
	}
	return list, next, nil
}

// all fetches a whole list. Beside errEndless it is the beginning of one.
func (p pages) all(ctx context.Context, session provider.Session) ([]json.RawMessage, error) {
	var all []json.RawMessage
	seen := map[string]bool{}
	cursor, size := "", 0
	for range maxPages {
		list, next, err := p.page(ctx, session, cursor)
		if err != nil {
			return nil, err
		}
		for _, entry := range list {
			size += len(entry)
		}
		if size > maxList {
			return all, fmt.Errorf("%w: more than %d bytes", errEndless, maxList)
		}
		all = append(all, list...)
		if next == "" {
			return all, nil
		}
		if seen[next] {
			return all, fmt.Errorf("%w: it comes back to the cursor %q", errEndless, next)
		}
		seen[next] = true
		cursor = next
	}
	return all, fmt.Errorf("%w: more than %d pages", errEndless, maxPages)
}

// ListResources is what the tool list_mcp_resources answers: all pages of all
// servers, or one page of the one named.
func (t *Set) ListResources(ctx context.Context, server, cursor string) (json.RawMessage, error) {
	return t.listing(ctx, resourcePages, server, cursor)
}

// ListResourceTemplates is the same for list_mcp_resource_templates.
func (t *Set) ListResourceTemplates(ctx context.Context, server, cursor string) (json.RawMessage, error) {
	return t.listing(ctx, templatePages, server, cursor)
}

func (t *Set) listing(ctx context.Context, p pages, server, cursor string) (json.RawMessage, error) {
	if server != "" {
		m, err := t.find(server)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, m.server.toolTimeout())
		defer cancel()
		session, err := m.instance.serving(ctx)
		if err != nil {
			return nil, explain(p.member, server, err)
		}
		list, next, err := p.page(ctx, session, cursor)
		if err != nil {
			return nil, explain(p.member, server, err)
		}
		b := append(quote([]byte(`{"server":`), server), `,"`+p.member+`":`...)
		b = appendList(b, server, list)
		if next != "" {
			b = quote(append(b, `,"nextCursor":`...), next)
		}
		return append(b, '}'), nil
	}
	if cursor != "" {
		return nil, errors.New("cursor can only be used when a server is specified")
	}
	return t.listAll(ctx, p), nil
}

// listAll asks every server that is up; one that fails contributes nothing, one
// that does not end what it listed until then.
func (t *Set) listAll(ctx context.Context, p pages) json.RawMessage {
	members := t.list()
	lists := make([][]json.RawMessage, len(members))
	var wg sync.WaitGroup
	for n, m := range members {
		if m.instance == nil {
			continue
		}
		session := m.instance.current()
		if session == nil {
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, m.server.toolTimeout())
			defer cancel()
			list, err := p.all(ctx, session)
			if err != nil {
				t.svc.opts.Log.Warn("listing "+p.member+" of an MCP server", "server", m.server.Name, "error", err)
			}
			lists[n] = list
		})
	}
	wg.Wait()
	var all []json.RawMessage
	for n, m := range members {
		for _, r := range lists[n] {
			all = append(all, withServer(m.server.Name, r))
		}
	}
	b := append([]byte(`{"`), p.member+`":[`...)
	b = append(b, bytes.Join(raws(all), []byte(","))...)
	return append(b, "]}"...)
}

// ReadResource is what a client's mcpServer/resource/read answers: the server's
// ReadResourceResult, verbatim.
func (t *Set) ReadResource(ctx context.Context, server, uri string) (json.RawMessage, error) {
	m, err := t.find(server)
	if err != nil {
		return nil, err
	}
	return m.instance.perform(ctx, m.server.toolTimeout(), &flight{set: t, server: server, harmless: true}, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.ReadResource(ctx, uri)
	})
}

// ReadResource is Set.ReadResource outside of any thread. The server is started
// for it if it does not run, and stopped after the linger.
func (s *Service) ReadResource(ctx context.Context, server Server, uri string) (json.RawMessage, error) {
	if !server.Enabled {
		return nil, &UnknownServer{server.Name}
	}
	l, err := server.launch(s.opts.Home, s.opts.Client, s.opts.Env)
	if err != nil {
		return nil, errors.New(startupText(server.Name, err, server.startupTimeout()))
	}
	i := s.anywhere(l, server.startupTimeout())
	if i == nil {
		return nil, errors.New("the host is shutting down")
	}
	defer i.release()
	i.begin()
	return i.perform(ctx, server.toolTimeout(), &flight{server: server.Name, harmless: true}, func(ctx context.Context, s provider.Session) (json.RawMessage, error) {
		return s.ReadResource(ctx, uri)
	})
}

// HasResources says whether a server that is or was up announced resources.
func (t *Set) HasResources() bool {
	for _, m := range t.list() {
		if m.instance != nil && m.instance.announces("resources") {
			return true
		}
	}
	return false
}

// announces says whether the server named a capability in its handshake.
func (i *instance) announces(capability string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	found := false
	_ = rawjson.Object(i.info.Capabilities, func(name, value []byte) bool {
		found = string(name) == capability && !isNull(value)
		return !found
	})
	return found
}

// ReadForModel is what the tool read_mcp_resource answers.
func (t *Set) ReadForModel(ctx context.Context, server, uri string) (json.RawMessage, error) {
	raw, err := t.ReadResource(ctx, server, uri)
	if err != nil {
		return nil, fmt.Errorf("resources/read failed for `%s` (%s): %s", server, uri, cause(err, 0))
	}
	inner := bytes.TrimSpace(raw)
	b := quote([]byte(`{"server":`), server)
	b = quote(append(b, `,"uri":`...), uri)
	if len(inner) > 2 && inner[0] == '{' {
		b = append(append(b, ','), inner[1:]...)
		return b, nil
	}
	return append(b, '}'), nil
}

// explain says what was being done when a server refused.
func explain(what, server string, err error) error {
	return fmt.Errorf("reading %s of MCP server '%s': %s", what, server, cause(err, 0))
}

func appendList(b []byte, server string, list []json.RawMessage) []byte {
	b = append(b, '[')
	for n, r := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, withServer(server, r)...)
	}
	return append(b, ']')
}

// withServer puts the server's name in front of an entry's own members.
func withServer(server string, entry json.RawMessage) json.RawMessage {
	inner := bytes.TrimSpace(entry)
	if len(inner) < 2 || inner[0] != '{' {
		return entry
	}
	b := quote([]byte(`{"server":`), server)
	if rest := bytes.TrimSpace(inner[1:]); len(rest) > 1 {
		return append(append(b, ','), rest...)
	}
	return append(b, '}')
}

func raws(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, r := range list {
		out[i] = r
	}
	return out
}
