// Command shout is a codexhost plugin with an MCP server of one tool, complete:
// it says things loud, once the user has agreed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/codexhost/codexhost/plugins/mcp"
)

func main() {
	mcp.Serve(&mcp.ToolServer{
		Name:         "shout",
		Version:      "1.0.0",
		Instructions: "Shout only what is worth it.",
		Tools: []mcp.Tool{{
			Name:        "shout",
			Description: "Says a text in capital letters.",
			Schema:      json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`),
			ReadOnly:    true, // it changes nothing, so the host need not ask before the call
			Run:         shout,
		}},
	})
}

func shout(ctx context.Context, arguments json.RawMessage, host mcp.Host) (string, error) {
	var a struct{ Text string }
	if err := json.Unmarshal(arguments, &a); err != nil {
		return "", fmt.Errorf("reading the arguments: %w", err)
	}
	answer, err := host.Elicit(ctx, json.RawMessage(`{"message":"May I shout?","requestedSchema":{"type":"object","properties":{}}}`))
	if err != nil {
		return "", fmt.Errorf("asking the user: %w", err)
	}
	var said struct{ Action string }
	if err := json.Unmarshal(answer, &said); err != nil || said.Action != "accept" {
		return "", errors.New("the user does not want to hear it")
	}
	host.Log("info", "somebody shouts")
	return strings.ToUpper(a.Text) + "!", nil
}
