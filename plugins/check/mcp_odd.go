package check

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

// What a provider of MCP servers does when it does not understand.

func (c *mcpContract) grease(ctx context.Context, p *process) error {
	server, err := c.server(ctx, p)
	if err != nil {
		return err
	}
	ch, err := c.open(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	future := &mcpv1.HostMessage{}
	addUnknown(future, 10)
	if err := ch.send(future); err != nil {
		return err
	}
	session := uint64(0)
	if server != nil {
		addUnknown(server, 10)
		if session, _, err = ch.ready(server); err != nil {
			return fmt.Errorf("with fields of a later version: %w", err)
		}
	}
	unheard := &mcpv1.Call{Session: session}
	addUnknown(unheard, 10)
	of := listTools(session)
	of.GetList().Of = futureEnum
	for what, call := range map[string]*mcpv1.Call{"a call of a later version": unheard, "a listing of a later version": of} {
		id, err := ch.call(call)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer, what); err != nil {
			return err
		}
	}
	if err := p.invoke(ctx, "/"+mcpv1.Provider_ServiceDesc.ServiceName+"/Future"); status.Code(err) != codes.Unimplemented {
		return fmt.Errorf("a method of a later version is not answered with UNIMPLEMENTED, but with: %v", err)
	}
	return ch.once()
}

func (c *mcpContract) odd(ctx context.Context, p *process) error {
	ch, session, err := c.session(ctx, p)
	if err != nil {
		return err
	}
	defer ch.close()
	for _, m := range []*mcpv1.HostMessage{
		{},
		{Kind: &mcpv1.HostMessage_Cancel{Cancel: &mcpv1.Cancel{Id: 1 << 50}}},
		{Kind: &mcpv1.HostMessage_Stop{Stop: &mcpv1.Stop{Session: 1 << 50}}},
		{Kind: &mcpv1.HostMessage_Answer{Answer: &mcpv1.Answer{Id: 1 << 50}}},
	} {
		if err := ch.send(m); err != nil {
			return err
		}
	}
	if err := c.alive(ctx, p, "a message about what never was"); err != nil {
		return err
	}
	for what, server := range map[string]*mcpv1.Server{
		"a start without a server": nil, "a start without settings": {Key: "odd", Name: "odd"}, "a start with settings that are no JSON": {Key: "odd", Name: "odd", ConfigJson: []byte("{")},
	} {
		id, err := ch.start(server, c.limits.Answer)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer+c.limits.Late, what); err != nil {
			return err
		}
		if err := c.alive(ctx, p, what); err != nil {
			return err
		}
	}
	for what, call := range map[string]*mcpv1.Call{
		"a call of a tool without a name":              callTool(session, "", nil),
		"a call with arguments that are no JSON":       callTool(session, noTool, []byte("{")),
		"a listing with a cursor that was never given": {Session: session, What: &mcpv1.Call_List{List: &mcpv1.List{Cursor: "nobody gave this"}}},
	} {
		id, err := ch.call(call)
		if err != nil {
			return err
		}
		if _, err := ch.answer(id, c.limits.Answer, what); err != nil {
			return err
		}
		if err := c.alive(ctx, p, what); err != nil {
			return err
		}
	}
	return ch.once()
}
