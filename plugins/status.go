package plugins

import (
	"slices"
	"strings"
	"time"
)

// Phase is where a plugin stands.
type Phase string

// The phases.
const (
	PhaseIdle     Phase = "idle"     // not needed yet, or ended and not needed since
	PhaseStarting Phase = "starting" // a process is coming up, or about to after a pause
	PhaseReady    Phase = "ready"    // it serves
	PhaseBroken   Phase = "broken"   // it died too often; see Until
	PhaseClosed   Phase = "closed"   // the host ended it for good
)

// Status is a snapshot of one plugin.
type Status struct {
	Name  string
	Kind  string
	Phase Phase
	// Version of the contract that is spoken; 0 while no process is there.
	Version int
	PID     int       // 0 while no process is there
	Started time.Time // of the process; zero while none is there
	// Generation grows with every start, so it tells two processes apart; 0
	// while none is there.
	Generation uint64
	// Restarts counts the processes that took the place of a dead one.
	Restarts  int
	LastError *Error    // of the last failure, kept after a recovery
	Until     time.Time // when a broken plugin may start again
	// Manifest is what the plugin says of itself; nil while no process is there,
	// for a moment after its start, and for plugins that say nothing.
	Manifest *Manifest
}

// Status returns a snapshot of every plugin, sorted by name.
func (h *Host) Status() []Status {
	all := h.supervisors()
	out := make([]Status, len(all))
	for i, s := range all {
		out[i] = s.status()
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// introduced tells of a manifest that came late. What a part of the host says of
// itself is no news.
func (h *Host) introduced(spec *Spec) {
	if spec.Path == "" {
		return
	}
	if s, err := h.supervisor(spec.Name); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed()
	}
}
