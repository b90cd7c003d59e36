package rpc

import (
	"context"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/jsonrpc"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// Event sends the client what a thread tells. Nothing is sent before initialize,
// nor what the client opted out of. Only a delta may block, while the client
// reads more slowly than the model writes.
func (c *Connection) Event(ctx context.Context, e thread.Event) {
	s := c.initialized()
	if s == nil || !s.wants(e.Method) {
		return
	}
	switch e.Kind {
	case thread.Told, thread.Announced:
		if e.Method == "turn/completed" { // a promise that the turn is on disk: who checks it looks at the order of writes
			c.conn.NotifyApart(ctx, e.Method, e.Params)
			return
		}
		c.conn.Notify(ctx, e.Method, e.Params)
	case thread.Grew:
		d := jsonrpc.Delta{Method: e.Method, Head: c.heads.of(e), Text: e.Delta.Text}
		_ = c.conn.Delta(ctx, d) // the turn or the client is gone: nobody is left to tell
	}
}

// heads keeps, for each thread, the start of the params that the deltas of its
// growing item share.
type heads struct {
	mu       sync.Mutex
	byThread map[string]head
}

type head struct {
	method, item string
	index        int
	params       []byte
}

// of is the start of a delta's params, up to its text.
func (h *heads) of(e thread.Event) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := e.Delta
	if last := h.byThread[e.Thread]; last.item == d.ItemID && last.method == e.Method && last.index == d.Index {
		return last.params
	}
	if h.byThread == nil {
		h.byThread = make(map[string]head)
	}
	params := deltaHead(e)
	h.byThread[e.Thread] = head{e.Method, d.ItemID, d.Index, params}
	return params
}

// drop forgets a thread.
func (h *heads) drop(threadID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.byThread, threadID)
}

func deltaHead(e thread.Event) []byte {
	b := member([]byte(`{"threadId":`), e.Thread)
	b = member(append(b, `,"turnId":`...), e.Delta.TurnID)
	b = member(append(b, `,"itemId":`...), e.Delta.ItemID)
	switch e.Method {
	case "item/reasoning/summaryTextDelta":
		b = strconv.AppendInt(append(b, `,"summaryIndex":`...), int64(e.Delta.Index), 10)
	case "item/reasoning/textDelta":
		b = strconv.AppendInt(append(b, `,"contentIndex":`...), int64(e.Delta.Index), 10)
	}
	return append(b, `,"delta":`...)
}

// member appends a string of ours, which is always UTF-8.
func member(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s)
	return b
}

// Ask puts a question to the client. Whether it is answered or withdrawn, the
// client is told that it is settled; dynamic tool calls are not announced so.
func (c *Connection) Ask(ctx context.Context, q thread.Question) ([]byte, error) {
	p, err := c.conn.Start(ctx, q.Method, q.Params)
	if err != nil {
		return nil, err
	}
	answer, err := p.Wait(ctx)
	if q.Method != "item/tool/call" {
		id, _ := p.ID().Int() // ids of ours are integers
		c.Event(context.WithoutCancel(ctx), thread.Event{Kind: thread.Told, Method: "serverRequest/resolved",
			Params: &protocol.ServerRequestResolvedNotification{ThreadID: q.ThreadID, RequestID: protocol.RequestIdInteger(id)}})
	}
	return answer, err
}
