package mcp

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Offer is what one request to the model offers of a thread's servers. It does
// not change; the next request takes a new one.
type Offer struct {
	set     *Set
	catalog *catalog
}

// Specs are the tool entries of the request, one namespace for each server,
// sorted by name. The caller must not change them.
func (o *Offer) Specs() []json.RawMessage { return o.catalog.specs }

// Find returns the tool behind a name that the model called.
func (o *Offer) Find(namespace, name string) (*Tool, bool) {
	t, ok := o.catalog.byName[modelName{namespace, name}]
	if !ok {
		return nil, false
	}
	return &Tool{tool: t, set: o.set}, true
}

// Tools lists what is offered, in the order of the names.
func (o *Offer) Tools() []*Tool {
	out := make([]*Tool, 0, len(o.catalog.tools))
	for _, t := range o.catalog.tools {
		out = append(out, &Tool{tool: t, set: o.set})
	}
	return out
}

// Tool is one tool as offered to a thread.
type Tool struct {
	*tool
	set *Set
}

// tool is what all threads with the same servers share.
type tool struct {
	Server string // raw
	Name   string // raw

	Namespace string // the model's
	Function  string // the model's

	Title       string
	Description string
	Hints       Annotations
	annotations json.RawMessage
	parameters  json.RawMessage
}

// ReadOnly is the tool's readOnlyHint, as items show it.
func (t *tool) ReadOnly() *bool { return t.Hints.ReadOnlyHint }

// rawTool is the part of a server's tool that the host reads.
type rawTool struct {
	Name        string          `json:"name"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
	Annotations json.RawMessage `json:"annotations"`
	raw         json.RawMessage
	hints       Annotations
	parameters  json.RawMessage
}

// readTools reads a tool list; what is no tool is left out and counted.
func readTools(list []json.RawMessage) (tools []rawTool, bad int) {
	tools = make([]rawTool, 0, len(list))
	for _, raw := range list {
		var t rawTool
		if json.Unmarshal(raw, &t) != nil || t.Name == "" {
			bad++
			continue
		}
		if isNull(t.Annotations) {
			t.Annotations = nil
		} else if json.Unmarshal(t.Annotations, &t.hints) != nil {
			t.hints = Annotations{} // unreadable hints are none: the tool asks
		}
		if t.Title == "" {
			t.Title = t.hints.Title
		}
		t.raw, t.parameters = raw, parameters(t.InputSchema)
		tools = append(tools, t)
	}
	return tools, bad
}

// part is what one server adds to an offer.
type part struct {
	server       *Server
	instructions string
	tools        []rawTool
	stamp        string // changes whenever tools or instructions do
}

// stampOf identifies the catalog that parts make.
func stampOf(parts []part) [sha256.Size]byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%q %q %v %q %q\n", p.server.Name, p.stamp, p.server.EnabledTools == nil, p.server.EnabledTools, p.server.DisabledTools)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// catalog is an Offer without its thread. It does not change.
type catalog struct {
	specs  []json.RawMessage
	tools  []*tool
	byName map[modelName]*tool
}

// newCatalog names the tools that the filters let through and writes the
// entries of the request.
func newCatalog(parts []part) *catalog {
	var names []rawName
	for _, p := range parts {
		for i := range p.tools {
			if p.server.allows(p.tools[i].Name) {
				names = append(names, rawName{p.server.Name, p.tools[i].Name})
			}
		}
	}
	named := nameTools(names)
	c := &catalog{byName: make(map[modelName]*tool, len(named))}
	spaces := map[string]*namespace{}
	for _, p := range parts {
		for i := range p.tools {
			r := &p.tools[i]
			n, ok := named[rawName{p.server.Name, r.Name}]
			if !ok || c.byName[n] != nil {
				continue
			}
			t := &tool{
				Server: p.server.Name, Name: r.Name, Namespace: n.namespace, Function: n.name,
				Title: r.Title, Description: r.Description, Hints: r.hints, annotations: r.Annotations, parameters: r.parameters,
			}
			c.byName[n] = t
			if spaces[n.namespace] == nil {
				spaces[n.namespace] = &namespace{name: n.namespace, description: describe(n.namespace, p.instructions)}
			}
			spaces[n.namespace].tools = append(spaces[n.namespace].tools, t)
		}
	}
	c.write(spaces)
	return c
}

type namespace struct {
	name, description string
	tools             []*tool
}

func describe(name, instructions string) string {
	if strings.TrimSpace(instructions) != "" {
		return instructions
	}
	return "Tools in the " + name + " namespace."
}

// write fills specs and tools, sorted.
func (c *catalog) write(spaces map[string]*namespace) {
	sorted := make([]*namespace, 0, len(spaces))
	for _, s := range spaces {
		sorted = append(sorted, s)
	}
	slices.SortFunc(sorted, func(a, b *namespace) int { return compare(a.name, b.name) })
	for _, s := range sorted {
		slices.SortFunc(s.tools, func(a, b *tool) int { return compare(a.Function, b.Function) })
		b := append([]byte(nil), `{"type":"namespace","name":`...)
		b = append(quote(b, s.name), `,"description":`...)
		b = append(quote(b, s.description), `,"tools":[`...)
		for i, t := range s.tools {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"type":"function","name":`...)
			b = append(quote(b, t.Function), `,"description":`...)
			b = append(quote(b, t.Description), `,"strict":false,"parameters":`...)
			b = append(append(b, t.parameters...), '}')
		}
		c.specs = append(c.specs, append(b, "]}"...))
		c.tools = append(c.tools, s.tools...)
	}
}

// quote appends s as a JSON string; bytes that are no UTF-8 are replaced.
func quote(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}
