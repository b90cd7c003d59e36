package model

import (
	"context"
	"encoding/json"
	"iter"
)

// Client streams model responses.
type Client interface {
	// Stream sends r and yields what comes back, in order. It may be called concurrently. The
	// last pair is either a Completed event with a nil error or a zero Event with an error; the
	// error is ctx.Err() after a cancellation, else an *Error. r must not change until the range
	// ends; the bytes of its raw values never again, for a connection may still be sending them.
	Stream(ctx context.Context, r *Request) iter.Seq2[Event, error]
}

// Kind says which fields of an Event are set.
type Kind uint8

const (
	// Opened: the server accepted the request. Response.
	Opened Kind = iota + 1
	// LimitsReported: the headers carried rate limits. Limits.
	LimitsReported
	// Created: ResponseID.
	Created
	// ItemAdded: an item began. Index, ItemID, Head, Item.
	ItemAdded
	// TextDelta: a piece of assistant text. ItemID, Index, Part, Delta.
	TextDelta
	// ToolInputDelta: a piece of a custom tool's input. ItemID, Index, Delta.
	ToolInputDelta
	// ReasoningPartAdded: a summary part began. ItemID, Index, Part.
	ReasoningPartAdded
	// ReasoningSummaryDelta: ItemID, Index, Part, Delta.
	ReasoningSummaryDelta
	// ReasoningTextDelta: raw reasoning. ItemID, Index, Part, Delta.
	ReasoningTextDelta
	// ItemDone: the item as it is to be kept; it may come without ItemAdded. Index, ItemID, Head, Item.
	ItemDone
	// Completed: the response is whole; nothing follows. ResponseID, Usage, EndTurn.
	Completed
)

// Event is one step of a stream. It is flat and passed by value, so that a delta costs no more
// than its text.
type Event struct {
	Kind       Kind
	Index      int             // output_index
	Part       int             // content_index or summary_index
	ItemID     string          // the server's item id
	Delta      string          // valid UTF-8
	Head       ItemHead        // what kind of item it is
	Item       json.RawMessage // the whole item, valid JSON, owned by the receiver
	ResponseID string
	Usage      *Usage          // nil when the server sent none
	EndTurn    *bool           // nil when the server did not say
	Limits     *RateLimits     // of a LimitsReported event
	Response   *ResponseHeader // of an Opened event
}

// Usage is what a response cost, in tokens.
type Usage struct {
	Input       int64 // cached ones included
	CachedInput int64
	CacheWrite  int64
	Output      int64 // reasoning included
	Reasoning   int64
	Total       int64
}

// ResponseHeader is what the HTTP headers of an accepted request said. Empty when unsaid.
type ResponseHeader struct {
	TurnState   string // to be echoed in Metadata.TurnState by later requests of the same turn
	ModelsETag  string
	ServedModel string
	RequestID   string
}

// RateLimits are the windows a server reports; nil when unsaid.
type RateLimits struct {
	Primary, Secondary *RateWindow
}

// RateWindow is the state of one limit.
type RateWindow struct {
	UsedPercent   float64
	WindowMinutes int64 // 0 when unsaid
	ResetsAt      int64 // Unix seconds, 0 when unsaid
}
