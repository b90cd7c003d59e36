package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/codexhost/codexhost/manager/mcp"
)

// mcpGoArg makes the test binary a server over stdio on mark3labs/mcp-go, on
// which many servers in Go are built.
const mcpGoArg = "__mcp_go_server"

func mcpGoMain(args []string) bool {
	if len(args) == 0 || args[0] != mcpGoArg {
		return false
	}
	if err := server.ServeStdio(mcpGoServer()); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func mcpGoServer() *server.MCPServer {
	s := server.NewMCPServer("go", "1.0", server.WithToolCapabilities(true), server.WithResourceCapabilities(false, true),
		server.WithElicitation(), server.WithInstructions("Made in Go."), server.WithPaginationLimit(2))
	var cancelled atomic.Int64
	proceed := make(chan struct{}, 1)
	add := func(name string, do func(ctx context.Context, r mcpgo.CallToolRequest) (string, error), options ...mcpgo.ToolOption) {
		s.AddTool(mcpgo.NewTool(name, append(options, mcpgo.WithDescription("Does "+name+"."))...), func(ctx context.Context, r mcpgo.CallToolRequest) (*mcpgo.CallToolResult, error) {
			text, err := do(ctx, r)
			if err != nil {
				return mcpgo.NewToolResultError(err.Error()), nil
			}
			return mcpgo.NewToolResultText(text), nil
		})
	}
	add("add", func(_ context.Context, r mcpgo.CallToolRequest) (string, error) {
		a, err := r.RequireFloat("a")
		if err != nil {
			return "", err
		}
		return fmt.Sprint(a + r.GetFloat("b", 0)), nil
	}, mcpgo.WithNumber("a", mcpgo.Required()), mcpgo.WithNumber("b"), mcpgo.WithReadOnlyHintAnnotation(true))
	add("ask", func(ctx context.Context, _ mcpgo.CallToolRequest) (string, error) {
		a, err := s.RequestElicitation(ctx, mcpgo.ElicitationRequest{Params: mcpgo.ElicitationParams{
			Message: "Which colour?", RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{"colour": map[string]any{"type": "string"}}},
		}})
		if err != nil {
			return "", err
		}
		return fmt.Sprint(a.Action, " ", a.Content), nil
	})
	add("work", func(ctx context.Context, r mcpgo.CallToolRequest) (string, error) {
		for i := range 3 {
			err := s.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progressToken": r.Params.Meta.ProgressToken, "progress": i + 1, "total": 3})
			if err != nil {
				return "", err
			}
		}
		select {
		case <-proceed:
			return "worked", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	add("proceed", func(context.Context, mcpgo.CallToolRequest) (string, error) {
		proceed <- struct{}{}
		return "", nil
	})
	add("hang", func(ctx context.Context, _ mcpgo.CallToolRequest) (string, error) {
		select {
		case <-ctx.Done():
			cancelled.Add(1)
			return "", ctx.Err()
		case <-time.After(time.Minute):
			return "nobody cancelled it", nil
		}
	})
	add("cancelled", func(context.Context, mcpgo.CallToolRequest) (string, error) { return fmt.Sprint(cancelled.Load()), nil })
	s.AddResource(mcpgo.NewResource("go://note", "note", mcpgo.WithMIMEType("text/plain")), func(context.Context, mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
		return []mcpgo.ResourceContents{mcpgo.TextResourceContents{URI: "go://note", MIMEType: "text/plain", Text: "a note in Go"}}, nil
	})
	return s
}

func TestMCPGoOverStdio(t *testing.T) {
	t.Parallel()
	testMCPGo(t, mcp.Server{Name: "go", Enabled: true, Command: exe(), Args: []string{mcpGoArg}})
}

func TestMCPGoOverHTTP(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(server.NewStreamableHTTPServer(mcpGoServer(), server.WithStateful(true)))
	t.Cleanup(web.Close)
	testMCPGo(t, mcp.Server{Name: "go", Enabled: true, URL: web.URL + "/mcp"})
}

func testMCPGo(t *testing.T, settings mcp.Server) {
	l := &listener{}
	set := join(t, service(t), l, settings)
	if got := offered(set); got != "add ask cancelled hang proceed work" { // three pages
		t.Errorf("tools %s", got)
	}
	if spec := string(set.Offer().Specs()[0]); !strings.Contains(spec, "Made in Go.") {
		t.Errorf("spec %s", spec)
	}
	for _, c := range []struct{ arguments, want string }{{`{"a":1.5,"b":2}`, "3.5"}, {`{"b":2}`, `required argument \"a\" not found`}} {
		o := tool(t, set, "go", "add").Call(within(t, patience), mcp.Call{ID: "c", Arguments: json.RawMessage(c.arguments)})
		if !strings.Contains(string(o.Output), c.want) {
			t.Errorf("add %s: %s", c.arguments, o.Output)
		}
	}
	if got := listed(t, set, "list_mcp_resources", `{"server":"go"}`); !strings.Contains(got, `"uri":"go://note"`) {
		t.Errorf("resources %s", got)
	}
	if got := listed(t, set, "read_mcp_resource", `{"server":"go","uri":"go://note"}`); !strings.Contains(got, "a note in Go") {
		t.Errorf("resource %s", got)
	}

	l.answer(`{"action":"accept","content":{"colour":"green"},"_meta":null}`)
	if got := direct(t, set, "go", "ask", `{}`); got != "accept map[colour:green]" {
		t.Errorf("the answer: %s", got)
	}
	if err := validQuestion(l.last().Params); err != nil {
		t.Error(err)
	}

	var reports atomic.Int64
	var work sync.WaitGroup
	work.Go(func() {
		o := tool(t, set, "go", "work").Call(within(t, patience), mcp.Call{ID: "p", Progress: func(json.RawMessage) { reports.Add(1) }})
		if !strings.Contains(string(o.Output), "worked") {
			t.Errorf("work: %s", o.Output)
		}
	})
	waitFor(t, "three reports of progress", func() bool { return reports.Load() == 3 })
	direct(t, set, "go", "proceed", `{}`)
	work.Wait()

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if o := tool(t, set, "go", "hang").Call(ctx, mcp.Call{ID: "c"}); !o.Failed {
		t.Errorf("a cancelled call: %s", o.Output)
	}
	waitFor(t, "the cancellation", func() bool { return direct(t, set, "go", "cancelled", `{}`) == "1" })
}
