package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/manager/workspace"
)

// files is the connection's own share of the service for files.
func (c *Connection) files() *workspace.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.workspace == nil {
		c.workspace = c.manager.Files().Client(func(method string, params any) {
			c.Event(context.Background(), thread.Event{Kind: thread.Announced, Method: method, Params: params}) // never waits
		})
	}
	return c.workspace
}

// closeFiles ends what the client watches and searches.
func (c *Connection) closeFiles() {
	c.mu.Lock()
	files := c.workspace
	c.mu.Unlock()
	if files != nil {
		files.Close()
	}
}

// fileError is an error of the workspace as the protocol has it. The text is the
// system's alone, so the remedy names the path.
func fileError(err error) error {
	if r, ok := errors.AsType[*workspace.Refusal](err); ok {
		return &thread.Refusal{Kind: thread.KindInvalidInput, Message: r.Error()}
	}
	f, ok := errors.AsType[*workspace.Failure](err)
	if !ok {
		return err
	}
	failure := &thread.Failure{Kind: thread.KindStorage, Err: f}
	if f.Asked() {
		failure.Kind = thread.KindInvalidInput
	}
	if f.Path != "" {
		failure.Remedy = fmt.Sprintf("look at %s", f.Path)
	}
	return failure
}

// done answers a request that has nothing to say but that it was served.
func done(result any, err error) (reply, error) {
	if err != nil {
		return reply{}, fileError(err)
	}
	return reply{result: result}, nil
}
