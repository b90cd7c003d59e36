package mcp_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"time"

	provider "github.com/codexhost/codexhost/plugins/mcp"
)

// notes is a plugin with a server of its own: it says its process id, at once or
// when a file is there.
func notes() *provider.ToolServer {
	pid := func() (string, error) { return strconv.Itoa(os.Getpid()), nil }
	return &provider.ToolServer{Name: "notes", Version: "1", Tools: []provider.Tool{
		{Name: "pid", Run: func(context.Context, json.RawMessage, provider.Host) (string, error) { return pid() }},
		{Name: "wait", Run: func(ctx context.Context, arguments json.RawMessage, _ provider.Host) (string, error) {
			var a struct{ Path string }
			if err := json.Unmarshal(arguments, &a); err != nil {
				return "", err
			}
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				if _, err := os.Stat(a.Path); err == nil {
					return pid()
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}
		}},
	}}
}

// servePlugin serves it, if that is the role.
func servePlugin(role string) {
	if role == "notes" {
		provider.Serve(notes())
	}
}
