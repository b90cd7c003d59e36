package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// mcpServerOauthLogin begins a login to an MCP server: the client shows the URL
// to the user, and is told when the login has succeeded or failed.
func mcpServerOauthLogin(ctx context.Context, c *Connection, p *protocol.McpServerOauthLoginParams) (reply, error) {
	if p.ClientRegistration != nil && *p.ClientRegistration == protocol.McpServerOauthClientRegistrationCimd {
		return reply{}, &thread.Failure{Kind: thread.KindNotSupported, Remedy: "leave clientRegistration out, or register a client by hand and name it in the server's settings",
			Err: errNoMetadataDocument}
	}
	login := manager.ServerLogin{Server: p.Name, ThreadID: value(p.ThreadID), Scopes: p.Scopes, Done: func(id string, err error) {
		n := &protocol.McpServerOauthLoginCompletedNotification{Name: p.Name, LoginID: &id, ThreadID: p.ThreadID, Success: err == nil}
		if err != nil {
			text := err.Error()
			n.Error = &text
		}
		c.Event(context.WithoutCancel(ctx), thread.Event{Kind: thread.Told, Method: protocol.MethodMcpServerOauthLoginCompleted, Params: n})
	}}
	if p.TimeoutSecs != nil {
		login.Timeout = time.Duration(min(max(*p.TimeoutSecs, 1), maxLoginSeconds)) * time.Second
	}
	url, id, begin, err := c.manager.LoginServer(ctx, c.client, login)
	if err != nil {
		return reply{}, err
	}
	return reply{result: &protocol.McpServerOauthLoginResponse{AuthorizationURL: url, LoginID: &id}, after: begin}, nil
}

var errNoMetadataDocument = errors.New("this host has no client ID metadata document to register with")

// maxLoginSeconds is the longest that a client can have a login wait.
const maxLoginSeconds = 24 * 60 * 60
