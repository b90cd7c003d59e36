package rpc

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

const (
	defaultWaitFor = time.Minute
	maxWaitFor     = time.Hour
)

// codexhostMcpWaitFor answers when no MCP server is starting any more.
func codexhostMcpWaitFor(ctx context.Context, c *Connection, p *protocol.McpWaitForParams) (reply, error) {
	limit := defaultWaitFor
	if p.TimeoutMs != nil {
		if *p.TimeoutMs < 0 {
			return reply{}, invalidParams(nil, "send a number of milliseconds", "timeoutMs must not be negative")
		}
		limit = time.Duration(min(*p.TimeoutMs, maxWaitFor.Milliseconds())) * time.Millisecond
	}
	list, err := c.manager.WaitForMcp(ctx, value(p.ThreadID), limit, p.Servers)
	rows := make([]protocol.McpServerReadiness, 0, len(list))
	for _, r := range list {
		rows = append(rows, protocol.McpServerReadiness{
			Name: r.Name, State: cmp.Or(string(r.State), "disabled"), Error: nonEmpty(r.Error), ToolCount: int64(r.Tools), Diagnosis: diagnosis(r.Diagnosis),
		})
	}
	if late, ok := errors.AsType[*mcp.StillStarting](err); ok {
		return reply{}, stillStarting(late, rows)
	}
	return reply{result: &protocol.McpWaitForResponse{Data: rows}}, err
}

// stillStarting names what was waited for in vain.
func stillStarting(late *mcp.StillStarting, rows []protocol.McpServerReadiness) error {
	data := map[string]any{"starting": late.Names}
	if servers, err := protocol.Append(nil, &protocol.McpWaitForResponse{Data: rows}); err == nil {
		data["servers"] = json.RawMessage(bytes.TrimSuffix(bytes.TrimPrefix(servers, []byte(`{"data":`)), []byte("}")))
	}
	return &coded{codeInternal, data, &thread.Failure{
		Kind: thread.KindServerFailed, Remedy: "wait longer, or lower startup_timeout_sec of the named servers", Err: late,
	}}
}

func diagnosis(d *mcp.Diagnosis) *protocol.McpServerDiagnosis {
	if d == nil {
		return nil
	}
	out := &protocol.McpServerDiagnosis{Signal: nonEmpty(d.Signal), Stderr: slices.Clone(d.Stderr), Noise: nonEmpty(d.Noise), Advice: d.Advice}
	if d.ExitCode != nil {
		code := int64(*d.ExitCode)
		out.ExitCode = &code
	}
	return out
}
