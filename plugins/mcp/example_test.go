package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/plugins/mcp"
)

// A whole plugin: a server with one tool.
func ExampleServe() {
	mcp.Serve(&mcp.ToolServer{
		Name:    "shout",
		Version: "1.0.0",
		Tools: []mcp.Tool{{
			Name:        "shout",
			Description: "Says a text in capital letters.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`),
			ReadOnly:    true,
			Run:         shout,
		}},
	})
}

func shout(_ context.Context, arguments json.RawMessage, _ mcp.Host) (string, error) {
	var a struct{ Text string }
	if err := json.Unmarshal(arguments, &a); err != nil {
		return "", err
	}
	return strings.ToUpper(a.Text) + "!", nil
}

// A provider is a Go value like any other, and is tested without a process.
func ExampleToolServer() {
	provider := &mcp.ToolServer{Name: "shout", Tools: []mcp.Tool{{Name: "shout", Run: shout}}}
	ctx := context.Background()
	session, err := provider.Start(ctx, mcp.Server{Name: "shout"}, nil)
	if err != nil {
		panic(err)
	}
	defer session.Close(ctx)
	result, err := session.CallTool(ctx, mcp.ToolCall{Name: "shout", Arguments: json.RawMessage(`{"text":"hello"}`)})
	fmt.Println(string(result), err)
	// Output: {"content":[{"text":"HELLO!","type":"text"}],"isError":false} <nil>
}
