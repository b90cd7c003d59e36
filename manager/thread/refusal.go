package thread

import "fmt"

// A Kind names a class of refusal or failure. The set is closed: clients may
// switch on it where codex offers only English text.
type Kind string

const (
	KindInvalidRequest Kind = "invalidRequest" // the request itself cannot be served as it stands
	KindNotInitialized Kind = "notInitialized"
	KindNotSupported   Kind = "notSupported"
	KindThreadNotFound Kind = "threadNotFound"
	KindThreadBusy     Kind = "threadBusy" // another process writes the thread, or a turn runs
	KindTurnNotFound   Kind = "turnNotFound"
	KindNoActiveTurn   Kind = "noActiveTurn"
	KindInvalidInput   Kind = "invalidInput"
	KindConfigInvalid  Kind = "configInvalid"
	KindServerNotFound Kind = "serverNotFound" // an MCP server that is not configured
	KindServerFailed   Kind = "serverFailed"   // an MCP server or plugin that did not do its part
	KindStorage        Kind = "storage"        // a file could not be read or written
	KindInternal       Kind = "internal"
)

// A Refusal says no to a caller whose request cannot be served as it stands:
// what is wrong, of which kind, and what to do about it. Refusals reach the
// client word for word, so their messages are codex's where codex has one.
type Refusal struct {
	Kind    Kind
	Message string
	Remedy  string // one sentence; empty where the message says it all
}

func (r *Refusal) Error() string { return r.Message }

func refuse(kind Kind, remedy, format string, args ...any) error {
	return &Refusal{Kind: kind, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

// A Failure is something that should have worked: the request was fine, what
// was to serve it was not. Code is the wire's, 0 for an internal error; Data is
// what another server said beside its own error.
type Failure struct {
	Kind   Kind
	Remedy string
	Code   int64
	Data   []byte
	Err    error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }
