package manager

import (
	"fmt"

	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rollout"
)

// Locked refuses a thread that somebody else writes, and says who.
type Locked struct {
	*thread.Refusal
	Owner *rollout.Owner // nil if it did not leave its name
}

func (l *Locked) Unwrap() error { return l.Refusal }

// lockedRemedy says where a thread is open, as far as that is known.
func lockedRemedy(o *rollout.Owner) string {
	where := "the program that has it open"
	if o != nil {
		where = fmt.Sprintf("process %d", o.PID)
		if o.Client != "" {
			where += " (" + o.Client + ")"
		}
	}
	return "close it in " + where + ", or read it with thread/read"
}

// ownerName is what others read who find a thread locked: this program, and the
// client it works for.
func (m *Manager) ownerName() string {
	if c := m.introduced().Originator; c != "" {
		return "codexhost for " + c
	}
	return "codexhost"
}
