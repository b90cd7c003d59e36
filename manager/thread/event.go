package thread

import "context"

// An Event is one thing a thread tells, in the wire's own vocabulary.
type Event struct {
	Thread     string    // id of the thread it is about
	Submission string    // id of the op that caused it; empty for what none did
	Kind       EventKind // says which of the following fields are set
	Method     string    // Told, Delta: the notification's method
	Params     any       // Told: its params, a pointer to a protocol type
	Delta      Delta     // Delta
}

type EventKind uint8

const (
	// Configured is the first event of every thread: it is ready for ops.
	Configured EventKind = iota
	// Told is a notification for the thread's subscribers.
	Told
	// Announced is a notification for every client, subscribed or not.
	Announced
	// Grew is a piece of a growing item. Neighbours with the same method, item
	// and index may be joined by whoever delivers them.
	Grew
	// Closed is the last event: the loop has ended and the rollout is closed.
	Closed
)

// A Delta is a piece of text that an item has grown by.
type Delta struct {
	TurnID, ItemID string
	Index          int // summary or content index; -1 where the method has none
	Text           string
}

// An Observer hears what a thread tells, in order. See the package comment for
// when it may block.
type Observer interface {
	Event(ctx context.Context, e Event)
}

// A Question is a request to the client on behalf of a thread.
type Question struct {
	ThreadID string
	Method   string
	Params   any
}

// An Asker puts a question to the clients of a thread and waits for the first
// answer. It returns an error when nobody can answer, when the answer is an
// error, or when ctx ends, which also withdraws the question.
type Asker interface {
	Ask(ctx context.Context, q Question) (answer []byte, err error)
}
