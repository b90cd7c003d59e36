package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrClosed says that the host of the plugins has been closed.
var ErrClosed = errors.New("the plugin host is closed")

// ErrUnknown says that no plugin has the name that was asked for.
var ErrUnknown = errors.New("no such plugin")

// Reason says why a plugin could not serve a call. The set is closed.
type Reason string

// The reasons.
const (
	ReasonStart   Reason = "start"   // it could not be started, or did not introduce itself
	ReasonRefused Reason = "refused" // it must not run: wrong checksum, no such file, unknown kind
	ReasonDied    Reason = "died"    // its process ended while the call was under way, or just before
	ReasonStuck   Reason = "stuck"   // it was alive but answered nothing, and was killed
	ReasonStopped Reason = "stopped" // the host ended it: closing, or a new configuration
	ReasonBroken  Reason = "broken"  // it died too often; it is not started again for now
)

// words say what became of a plugin.
func (r Reason) words() string {
	switch r {
	case ReasonStart:
		return "did not start"
	case ReasonRefused:
		return "was not run"
	case ReasonDied:
		return "died"
	case ReasonStuck:
		return "stopped answering"
	case ReasonStopped:
		return "was stopped"
	case ReasonBroken:
		return "keeps failing and is not started again for now"
	}
	return string(r)
}

// Error says which plugin failed, how, and what it had to say.
type Error struct {
	Plugin string
	Kind   string
	Reason Reason
	// Detail is the cause in words: an exit status, a signal, a timeout.
	Detail string
	// Stderr holds the last lines that the plugin wrote to its stderr, oldest first.
	Stderr []string
	// Until is when a broken plugin may start again.
	Until time.Time
	// Err is the underlying error, if there is one.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s plugin %q ", e.Kind, e.Plugin)
	b.WriteString(e.Reason.words())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if lines := telling(e.Stderr); len(lines) > 0 {
		b.WriteString("; it last wrote: " + strings.Join(lines, " | "))
	}
	return b.String()
}

// telling picks the lines that say most: the head of a breakdown rather than the
// end of the stack behind it, else the last three.
func telling(lines []string) []string {
	if i := slices.IndexFunc(lines, breakdown); i >= 0 {
		return lines[i : i+1]
	}
	return lines[max(0, len(lines)-3):]
}

func (e *Error) Unwrap() error { return e.Err }

// Gone tells whether err says that the process behind a call is no more, so
// that a caller whose call may be repeated can do so: the next Get starts a
// new one.
func Gone(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Reason == ReasonDied || e.Reason == ReasonStuck || e.Reason == ReasonStopped)
}
