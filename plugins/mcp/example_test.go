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

// user answers what a tool asks, and hears what it has to say.
type user struct{ name string }

func (u user) Elicit(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.Marshal(map[string]any{"action": "accept", "content": map[string]string{"name": u.name}})
}

func (user) Progress(json.RawMessage) {}
func (user) ToolsChanged()            {}
func (user) Log(level, text string)   { fmt.Println(level+":", text) }

// A tool may ask the user while it runs.
func ExampleHost() {
	greet := func(ctx context.Context, _ json.RawMessage, host mcp.Host) (string, error) {
		raw, err := host.Elicit(ctx, json.RawMessage(`{"message":"Whom?","requestedSchema":{"type":"object","properties":{"name":{"type":"string"}}}}`))
		if err != nil {
			return "", err
		}
		var answer struct {
			Action  string
			Content struct{ Name string }
		}
		if err := json.Unmarshal(raw, &answer); err != nil || answer.Action != "accept" {
			return "nobody is greeted", err
		}
		host.Log("info", answer.Content.Name+" is greeted")
		return "Hello, " + answer.Content.Name + "!", nil
	}
	text, err := greet(context.Background(), nil, user{"Ada"})
	fmt.Println(text, err)
	// Output:
	// info: Ada is greeted
	// Hello, Ada! <nil>
}
