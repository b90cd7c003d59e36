package thread

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager/hooks"
	"github.com/codexhost/codexhost/manager/model"
	"github.com/codexhost/codexhost/manager/tool"
	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// opQueue is how many ops may wait for the loop before Submit blocks.
const opQueue = 512

// A Spec is what a thread is born with.
type Spec struct {
	ID        string
	SessionID string
	Settings  Settings
	// What the model has seen so far: these items, or what another thread saw, or
	// what Recall reads once the first turn needs it.
	History []json.RawMessage
	Past    *Past
	Recall  func() ([]json.RawMessage, error)
	// What is known of a resumed thread; zero for a new one.
	Usage, LastUsage *model.Usage
	Preview          string
	LastTurn         string
	Started          bool // it has turns, or another sign of life, in its file
	Git              *GitInfo
	// Recorder writes the thread's file; nil for an ephemeral thread. The
	// thread owns it and closes it.
	Recorder *rollout.Recorder
	// Client identifies the program that started the thread to the model.
	Client ClientInfo
	// Subagent says what the thread does for another one; empty for a thread of
	// its own.
	Subagent string
	// ParentThreadID is the thread that an agent works for; empty for others.
	ParentThreadID string
	// AgentType is an agent's role, "default" if it has none; empty for others.
	AgentType string
	// ParentTranscript is the file of the thread that an agent works for, if that has one.
	ParentTranscript string
}

// ClientInfo is how requests to a model name the client they are made for.
type ClientInfo struct {
	Originator string
	UserAgent  string
}

// Services are what a thread uses and does not own.
type Services struct {
	// Model is the client for the thread's provider.
	Model model.Client
	// ModelInfo describes a model; known is false for one no catalogue lists.
	ModelInfo func(slug string) (info model.Info, known bool)
	// Instructions reads the AGENTS.md files that hold for a folder.
	Instructions func(cwd string) Instructions
	// Skills finds the skills a turn may use.
	Skills Skills
	// Tools is what the next request may offer. It may wait, as long as ctx
	// lives, for a server that is about to be ready.
	Tools func(ctx context.Context, s Settings) tool.Offer
	// Shell runs a command that the user typed and returns what the model is told of it.
	Shell func(ctx context.Context, t tool.Turn, command string, timeout time.Duration) string
	// Hooks finds the user's programs for the events of a turn; may be nil.
	Hooks func(ctx context.Context, s Settings) *hooks.Set
	// Notify is told of every turn that was completed; it must not block. Nil for nobody.
	Notify func(hooks.TurnEnd)
	// Stop ends what the thread's tools have left running. It is called once,
	// before the rollout is closed; may be nil.
	Stop  func()
	Asker Asker
	Log   hclog.Logger
	Now   func() time.Time
}

// Skills are the skills that a turn knows of.
type Skills interface {
	// Section is the part of the instructions that lists them; empty if there
	// are none. Warnings are for the user.
	Section(ctx context.Context, s Settings, contextWindow int64) (section string, warnings []string)
	// Mentioned is the text of every skill that the input names, ready to be
	// shown to the model as user messages.
	Mentioned(ctx context.Context, s Settings, input []protocol.UserInput) (messages, warnings []string)
}

// A Thread is a live conversation. See the package comment.
type Thread struct {
	id       string
	spec     Spec
	services Services
	observer Observer

	ops  chan *submission
	done chan struct{} // closed when the loop has ended

	telling sync.Mutex // held while a step is recorded and told

	mu       sync.Mutex // guards the fields below
	settings Settings
	active   *turn
	failed   bool // the last turn failed; shown as systemError until the next begins
	waiting  [3]int
	started  bool // a turn has begun, so the thread is or will be on disk
	updated  time.Time
	preview  string
	lastTurn string                            // the last one whose tokens were counted
	injected []json.RawMessage                 // items that the history does not hold yet
	past     *Past                             // the history as it was when the last turn ended; nil until it is read
	ahead    func() ([]json.RawMessage, error) // reads the history, once; nil when nothing is to be read
	closing  bool
	retrying bool // what could not be written is tried again
	git      *GitInfo
	usage    usage

	reading sync.WaitGroup // of the history, ahead of the first turn; and attempts to write
	ended   chan struct{}  // closed when they shall end

	countedBytes int      // of the history, when the server last counted its tokens; owned like the history
	history      *history // owned by the running turn, by the loop between turns
	baseline     baseline // likewise: the context the model was last told
	session      string   // likewise: why a session begins with the next turn, or empty
	sessionBegun bool     // likewise
}

type usage struct{ total, last model.Usage }

// Start makes a thread and starts its loop. The first event the observer hears
// is [Configured]; Start returns after it.
func Start(ctx context.Context, spec Spec, services Services, observer Observer) *Thread {
	t := &Thread{
		id: spec.ID, spec: spec, services: services, observer: observer,
		ops:   make(chan *submission, opQueue),
		done:  make(chan struct{}),
		ended: make(chan struct{}),

		settings: spec.Settings,
		updated:  services.Now(),
		started:  spec.Started || len(spec.History) > 0,
		preview:  spec.Preview,
		lastTurn: spec.LastTurn,
		git:      spec.Git,
		session:  "startup",
	}
	if t.started {
		t.session = "resume"
	}
	t.remember()
	if spec.Usage != nil {
		t.usage.total = *spec.Usage
	}
	if spec.LastUsage != nil {
		t.usage.last = *spec.LastUsage
	}
	observer.Event(ctx, Event{Thread: t.id, Kind: Configured})
	go t.loop()
	return t
}

func (t *Thread) ID() string { return t.id }

// Done is closed once the loop has ended and the rollout is closed.
func (t *Thread) Done() <-chan struct{} { return t.done }

// A Snapshot is how a thread stands at one moment.
type Snapshot struct {
	Settings   Settings
	Status     protocol.ThreadStatus
	ActiveTurn string // id of the running turn, or empty
	RootTurn   string // the turn that led to it: of another thread, for an agent
	Started    bool   // at least one turn has begun
	Updated    time.Time
	Preview    string
	LastTurn   string // id of the last turn whose tokens were counted, or empty
	Git        *GitInfo
	Usage      model.Usage
	LastUsage  model.Usage
}

// Snapshot reads the thread's state; it never waits for a turn.
func (t *Thread) Snapshot() Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Snapshot{Settings: t.settings, Status: t.statusLocked(), Started: t.started, Updated: t.updated,
		Preview: t.preview, LastTurn: t.lastTurn, Git: t.git, Usage: t.usage.total, LastUsage: t.usage.last}
	if t.active != nil {
		s.ActiveTurn, s.RootTurn = t.active.id, t.active.root
	}
	return s
}

func (t *Thread) statusLocked() protocol.ThreadStatus {
	switch {
	case t.active != nil:
		flags := []protocol.ThreadActiveFlag{}
		if t.waiting[tool.WaitingOnApproval] > 0 {
			flags = append(flags, protocol.ThreadActiveFlagWaitingOnApproval)
		}
		if t.waiting[tool.WaitingOnUserInput] > 0 {
			flags = append(flags, protocol.ThreadActiveFlagWaitingOnUserInput)
		}
		return &protocol.ThreadStatusActive{ActiveFlags: flags}
	case t.failed:
		return &protocol.ThreadStatusSystemError{}
	default:
		return &protocol.ThreadStatusIdle{}
	}
}

// tell records a step and then tells it, as one: nothing of another step comes
// between, in the file or on the wire. What could not be written stays with the
// recorder, which tries again; the turn's end reports it.
func (t *Thread) tell(ctx context.Context, records []rollout.Record, events ...Event) {
	t.telling.Lock()
	defer t.telling.Unlock()
	t.recordLocked(records)
	for _, e := range events {
		e.Thread = t.id
		t.observer.Event(ctx, e)
	}
}

// recordLocked appends records to the rollout, if there is one. telling is held.
func (t *Thread) recordLocked(records []rollout.Record) {
	if t.spec.Recorder == nil || len(records) == 0 {
		return
	}
	if err := t.spec.Recorder.Append(records...); err != nil {
		t.services.Log.Warn("recording a thread", "thread", t.id, "error", err)
		t.keepTrying()
	}
}

// grow tells a piece of a growing item. It may block, as long as ctx lives.
func (t *Thread) grow(ctx context.Context, e Event) {
	t.telling.Lock()
	defer t.telling.Unlock()
	e.Thread = t.id
	t.observer.Event(ctx, e)
}

// told is the event of one notification to the subscribers.
func told(method string, params any) Event { return Event{Kind: Told, Method: method, Params: params} }

// statusEvent announces the status the thread has now.
func (t *Thread) statusEvent() Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Event{Thread: t.id, Kind: Announced, Method: "thread/status/changed",
		Params: &protocol.ThreadStatusChangedNotification{ThreadID: t.id, Status: t.statusLocked()}}
}

func (t *Thread) now() time.Time { return t.services.Now() }

// milliseconds is a time as the wire counts it.
func milliseconds(at time.Time) *int64 { ms := at.UnixMilli(); return &ms }

func seconds(at time.Time) *int64 { s := at.Unix(); return &s }

func ptr[T any](v T) *T { return &v }

// WaitIdle waits until no turn runs.
func (t *Thread) WaitIdle(ctx context.Context) error {
	t.mu.Lock()
	tn := t.active
	t.mu.Unlock()
	if tn == nil {
		return nil
	}
	select {
	case <-tn.done:
		return nil
	case <-t.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
