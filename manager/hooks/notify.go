package hooks

import (
	"context"
	"encoding/json"
	"os"
	"sync"

	"github.com/codexhost/codexhost/manager/sandbox"
)

// A TurnEnd is what a notify program reads of a turn that was completed, as its
// last argument.
type TurnEnd struct {
	Type        string   `json:"type"` // "agent-turn-complete"
	ThreadID    string   `json:"thread-id"`
	TurnID      string   `json:"turn-id"`
	Cwd         string   `json:"cwd"`
	Client      string   `json:"client,omitempty"`
	Inputs      []string `json:"input-messages"` // of the user, in the whole thread
	LastMessage *string  `json:"last-assistant-message"`
}

// A Notifier starts the user's notify program. Nobody waits for the program; it is
// reaped, and killed with all it started when its background is closed.
type Notifier struct {
	Behind *Background
	Dir    string // absolute; where programs run
	// Failed is told once of every program that cannot be started.
	Failed func(program string, err error)

	mu   sync.Mutex
	told map[string]bool
}

// Notify starts a program. It does not block.
func (n *Notifier) Notify(argv []string, end TurnEnd) {
	end.Type = "agent-turn-complete"
	if end.Inputs == nil {
		end.Inputs = []string{}
	}
	if len(argv) == 0 {
		return
	}
	argv = append(argv[:len(argv):len(argv)], end.argument())
	n.Behind.Start(func(ctx context.Context) { n.run(ctx, argv) })
}

// argumentMost is how long an argument may be: Linux takes 128 KiB.
const argumentMost = 120 << 10

// argument is the end as one argument. What is too long for one loses the oldest
// input first.
func (e TurnEnd) argument() string {
	for {
		b, _ := json.Marshal(e) // strings always have a JSON form
		switch {
		case len(b) <= argumentMost:
			return string(b)
		case len(e.Inputs) > 0:
			e.Inputs = e.Inputs[1:]
		default:
			e.LastMessage = nil
		}
	}
}

func (n *Notifier) run(ctx context.Context, argv []string) {
	process, err := sandbox.Start(ctx, sandbox.Spec{Argv: argv, Dir: n.Dir, Env: os.Environ(), OutputLimit: 1,
		Policy: sandbox.Policy{Mode: sandbox.FullAccess, Cwd: n.Dir}})
	if err != nil {
		if ctx.Err() == nil && n.first(argv[0]) {
			n.Failed(argv[0], err)
		}
		return
	}
	select {
	case <-process.Gone(): // what it left behind included
	case <-ctx.Done():
	}
	_ = process.Close()
}

func (n *Notifier) first(program string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told[program] {
		return false
	}
	if n.told == nil {
		n.told = make(map[string]bool)
	}
	n.told[program] = true
	return true
}
