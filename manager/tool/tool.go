// Package tool holds the tools a turn may call, one file per tool, and the
// registry that offers them to the model.
//
// A tool runs in a goroutine of the turn that called it and may block as long
// as its context lives; tools of one response run side by side unless they say
// otherwise. It tells what it does through the [Turn] it is given and never
// fails the turn: whatever goes wrong becomes the output that the model reads.
//
// The package must not know threads, rollouts or connections.
package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A Call is one call of a tool by the model.
type Call struct {
	ID        string // the model's id for it; also the id of the item that shows it
	Namespace string // empty for tools outside of one
	Name      string
	Arguments string // JSON of a function call, free text of a custom one
	Custom    bool
}

// An Output is what the model reads of a call: a JSON string, or an array of
// content parts.
type Output struct{ Body json.RawMessage }

// Text is an output of plain text.
func Text(s string) Output {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // not UTF-8: what a model is sent must be text
		b, _ = json.Marshal(s)
	}
	return Output{b}
}

// Errorf is an output that tells the model what went wrong.
func Errorf(format string, args ...any) Output { return Text(fmt.Sprintf(format, args...)) }

// A Tool is something the model may call.
type Tool interface {
	// Run carries out one call. It returns when ctx ends, at the latest.
	Run(ctx context.Context, t Turn, c Call) Output
}

// Waiting says what a thread that asks its client is shown to wait for.
type Waiting uint8

const (
	WaitingOnNothing Waiting = iota
	WaitingOnApproval
	WaitingOnUserInput
)

// A Turn is what a tool may do to the turn that called it. All methods may be
// called concurrently.
type Turn interface {
	ThreadID() string
	TurnID() string
	Cwd() string
	Approval() protocol.AskForApproval
	Sandbox() protocol.SandboxPolicy
	Now() time.Time

	// Start tells that an item began; Complete records and tells its end.
	Start(ctx context.Context, item protocol.ThreadItem)
	Complete(ctx context.Context, item protocol.ThreadItem)
	// Tell sends a notification that no file remembers.
	Tell(ctx context.Context, method string, params any)
	// Grow tells a piece of text that an item has grown by; it may block while the
	// client reads slowly.
	Grow(ctx context.Context, method, itemID, text string)
	// Warn tells the user something that does not end the turn.
	Warn(ctx context.Context, text string)
	// Interrupt ends the turn as the user would; the tool's own context ends, too.
	Interrupt()
	// Wait has the thread show what it waits for, until the function it returns is called.
	Wait(ctx context.Context, w Waiting) (done func())
	// Ask puts a request to the client; while it waits the thread shows so.
	Ask(ctx context.Context, w Waiting, method string, params any) ([]byte, error)
}

// An Offer is what one request to the model offers: the tools as the model
// reads them, and a way from a name it calls back to the tool.
type Offer interface {
	Specs() []json.RawMessage
	Find(namespace, name string) (Tool, bool)
}

// Offers joins several offers into one; the first that knows a name wins.
type Offers []Offer

func (o Offers) Specs() []json.RawMessage {
	var all []json.RawMessage
	for _, x := range o {
		all = append(all, x.Specs()...)
	}
	return all
}

func (o Offers) Find(namespace, name string) (Tool, bool) {
	for _, x := range o {
		if t, ok := x.Find(namespace, name); ok {
			return t, true
		}
	}
	return nil, false
}
