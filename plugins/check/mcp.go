package check

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/codexhost/codexhost/plugins/mcp"
	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// mcpContract tries a provider of MCP servers.
type mcpContract struct{ *suite }

func (c *mcpContract) kind() string { return mcp.Kind }

const noTool = "codexhost-check-no-such-tool"

// servers asks what the provider brings along.
func (c *mcpContract) servers(ctx context.Context, p *process) ([]*mcpv1.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Answer)
	defer cancel()
	reply, err := mcpv1.NewProviderClient(p.conn).Servers(ctx, &mcpv1.ServersRequest{})
	if err != nil {
		return nil, fmt.Errorf("asking for its servers: %w", err)
	}
	return reply.Servers, nil
}

// server is one that the provider can run, or nil.
func (c *mcpContract) server(ctx context.Context, p *process) (*mcpv1.Server, error) {
	list, err := c.servers(ctx, p)
	if err != nil || len(list) > 0 && c.target.Server == nil {
		return first(list), err
	}
	if c.target.Server == nil {
		return nil, nil
	}
	config, err := json.Marshal(c.target.Server)
	if err != nil {
		return nil, fmt.Errorf("writing the server's settings: %w", err)
	}
	return &mcpv1.Server{Key: "check", Name: "check", ConfigJson: config}, nil
}

func first(list []*mcpv1.Server) *mcpv1.Server {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// session opens a stream and, if the provider can run a server, starts one;
// its id is 0 otherwise, and the rule goes on with requests that need none.
func (c *mcpContract) session(ctx context.Context, p *process) (*channel, uint64, error) {
	server, err := c.server(ctx, p)
	if err != nil {
		return nil, 0, err
	}
	ch, err := c.open(ctx, p)
	if err != nil || server == nil {
		return ch, 0, err
	}
	id, _, err := ch.ready(server)
	if err != nil {
		ch.close()
		return nil, 0, err
	}
	return ch, id, nil
}

func (c *mcpContract) listing(ctx context.Context, p *process) error {
	list, err := c.servers(ctx, p)
	if err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, s := range list {
		switch {
		case s.Key == "" || s.Name == "":
			return fmt.Errorf("one of its servers has no key or no name (%q, %q)", s.Key, s.Name)
		case keys[s.Key]:
			return fmt.Errorf("two of its servers have the key %q: equal keys are the same server", s.Key)
		}
		keys[s.Key] = true
	}
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	if server == nil {
		return nil // without settings it runs nothing, which is fine
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	id, ready, err := ch.ready(server)
	if err != nil {
		return err
	}
	for i, tool := range ready.ToolsJson {
		var t struct {
			Name        string          `json:"name"`
			InputSchema json.RawMessage `json:"inputSchema"`
		}
		if err := json.Unmarshal(tool, &t); err != nil || t.Name == "" || len(t.InputSchema) == 0 {
			return fmt.Errorf("tool %d of server %s is no object with a name and an inputSchema: %.200s", i+1, server.Name, tool)
		}
	}
	call, err := ch.call(listTools(id))
	if err != nil {
		return err
	}
	m, err := ch.answer(call, c.limits.Answer, "a listing of tools")
	if err != nil {
		return err
	}
	var page struct {
		Tools *[]json.RawMessage `json:"tools"`
	}
	if err := json.Unmarshal(m.GetResult().GetResultJson(), &page); err != nil || page.Tools == nil {
		return fmt.Errorf("a listing of tools is no object with \"tools\": %v", m)
	}
	return ch.stop(id)
}

func (c *mcpContract) answers(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	if err := ch.refused(callTool(1<<40, noTool, nil), "a call on a session that never was"); err != nil {
		return err
	}
	if session == 0 {
		return ch.once()
	}
	if err := ch.refused(callTool(session, noTool, nil), "a call of a tool that does not exist"); err != nil {
		return err
	}
	if err := ch.stop(session); err != nil {
		return err
	}
	if err := ch.refused(listTools(session), "a call on a session that has ended"); err != nil {
		return err
	}
	return ch.once()
}

func (c *mcpContract) occupy(ctx context.Context, p *process) error {
	_, _, err := c.session(ctx, p) // left open: the connection's end ends it
	return err
}
