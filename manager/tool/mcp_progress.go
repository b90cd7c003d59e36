package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// progress tells the client how far a call of an MCP tool is. What a server
// reports faster than the client is told is left out: the next report says more.
type progress struct {
	reports chan string
	done    chan struct{}

	mu     sync.Mutex // guards what follows, and the closing of reports
	told   int
	closed bool
}

// maxProgress is how many reports of one call are told. A server that floods
// costs no more than that.
const maxProgress = 1000

func newProgress(ctx context.Context, t Turn, item string) *progress {
	p := &progress{reports: make(chan string, 8), done: make(chan struct{})}
	go func() { // ended and waited for by close
		defer close(p.done)
		for message := range p.reports {
			t.Tell(ctx, "item/mcpToolCall/progress", &protocol.McpToolCallProgressNotification{
				ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: item, Message: message,
			})
		}
	}()
	return p
}

// report takes the params of a server's notification. It does not block.
func (p *progress) report(params json.RawMessage) {
	message, ok := progressMessage(params)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || p.closed || p.told >= maxProgress {
		return
	}
	select {
	case p.reports <- message:
		p.told++
	default:
	}
}

// close waits until what was reported was told. A report that is late is dropped.
func (p *progress) close() {
	p.mu.Lock()
	p.closed = true
	close(p.reports)
	p.mu.Unlock()
	<-p.done
}

// progressMessage is what the server says, or how far it is if it says nothing.
func progressMessage(params json.RawMessage) (string, bool) {
	var p struct {
		Progress *float64 `json:"progress"`
		Total    *float64 `json:"total"`
		Message  string   `json:"message"`
	}
	if json.Unmarshal(params, &p) != nil {
		return "", false
	}
	switch {
	case p.Message != "":
		return p.Message, true
	case p.Progress == nil:
		return "", false
	case p.Total == nil:
		return fmt.Sprintf("%g", *p.Progress), true
	}
	return fmt.Sprintf("%g/%g", *p.Progress, *p.Total), true
}
