package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	provider "github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/mcp/rawjson"
)

// A list of tools that never ends is cut off at whichever comes first. What came
// before is used: the server works, and others cannot be hurt by it.
const (
	maxPages = 1000
	maxList  = maxResult
)

// allTools lists the tools, all pages. A server that has none may not know the
// question.
func (r requests) allTools(ctx context.Context, host provider.Host, info *provider.Info) error {
	if !hasTools(info.Capabilities) {
		return nil
	}
	cursor, size := "", 0
	seen := map[string]bool{}
	for range maxPages {
		raw, err := r.List(ctx, provider.Tools, cursor)
		if e, ok := errors.AsType[*provider.CallError](err); ok && e.Code == jsonrpc.CodeMethodNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		if size += len(raw); size > maxList {
			host.Log("warning", fmt.Sprintf("the list of tools is cut off at %d bytes", maxList))
			return nil
		}
		next, err := takePage(info, raw)
		if err != nil {
			return fmt.Errorf("reading the list of tools: %w", err)
		}
		switch {
		case next == "":
			return nil
		case seen[next]:
			host.Log("warning", fmt.Sprintf("the list of tools is cut off: it comes back to the cursor %q", next))
			return nil
		}
		seen[next] = true
		cursor = next
	}
	host.Log("warning", fmt.Sprintf("the list of tools is cut off at %d pages", maxPages))
	return nil
}

// takePage adds a page of tools to info and returns the cursor of the next.
func takePage(info *provider.Info, raw json.RawMessage) (next string, err error) {
	err = rawjson.Object(raw, func(name, value []byte) bool {
		switch string(name) {
		case "tools":
			_ = rawjson.Array(value, func(tool []byte) bool {
				info.Tools = append(info.Tools, tool)
				return true
			})
		case "_meta":
			info.ToolsMeta = value
		case "nextCursor":
			_ = json.Unmarshal(value, &next)
		}
		return true
	})
	return next, err
}
