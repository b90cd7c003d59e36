//go:build linux || darwin

package supervise

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The host and the supervisor of a command talk over one socket, in frames of four bytes of length and JSON. The host
// sends one order, then requests; the supervisor sends reports. The end of the socket is the end of the other side.

// Order is what a supervisor is told to run.
type Order struct {
	Argv []string `json:"argv"`
	Dir  string   `json:"dir"`
	Env  []string `json:"env"`
	TTY  *Size    `json:"tty,omitempty"`
	// Linger leaves processes running that the command left behind when it ended.
	Linger bool `json:"linger,omitempty"`
	// Try makes the confinement and runs nothing in it.
	Try bool `json:"try,omitempty"`
	// Confine is nil for a command with full access.
	Confine *Confinement `json:"confine,omitempty"`
}

// Confinement is a policy with everything resolved by the host, which sees the real file system.
type Confinement struct {
	// Namespaces says that the supervisor was started in namespaces of its own.
	Namespaces bool `json:"namespaces,omitempty"`
	// Outer says that another program made the file system view: only what a process does to itself is left to do.
	Outer  bool   `json:"outer,omitempty"`
	Roots  []Root `json:"roots,omitempty"`
	Hidden []Hide `json:"hidden,omitempty"`
	// Pins are writable folders that must stay where they are: see pins.
	Pins    []string `json:"pins,omitempty"`
	Network bool     `json:"network,omitempty"`
	Root    bool     `json:"root,omitempty"` // started by the superuser
	// OldProc says that there is no process namespace, and /proc stays.
	OldProc bool `json:"oldProc,omitempty"`
	// Landlock makes it a condition; otherwise it is used where it is there.
	Landlock bool `json:"landlock,omitempty"`
	// Holds is how many descriptors after the socket hold placeholders, in the order of Root.Missing over the roots.
	Holds int `json:"holds,omitempty"`
}

// Request is what the host asks of a supervisor.
type Request struct {
	Signal int `json:"signal,omitempty"`
	// Kill ends everything, GraceMS after asking politely.
	Kill    bool  `json:"kill,omitempty"`
	GraceMS int64 `json:"graceMs,omitempty"`
}

// Report is what a supervisor tells the host.
type Report struct {
	Started *Started `json:"started,omitempty"`
	Failed  *Failure `json:"failed,omitempty"`
	Exited  *Exit    `json:"exited,omitempty"`
	// Survivors says that not everything could be killed.
	Survivors bool `json:"survivors,omitempty"`
}

type Started struct {
	Pid      int  `json:"pid"`
	Terminal bool `json:"terminal,omitempty"` // the master comes with this frame
	Landlock int  `json:"landlock,omitempty"` // version of the interface in force, 0 without
}

// Failure is a start that did not happen. Stage "exec" is the command's own fault, any other the machine's.
type Failure struct {
	Stage string `json:"stage"`
	Text  string `json:"text"`
	Errno int    `json:"errno,omitempty"`
}

// stageError says in which step of a confinement an error occurred.
type stageError struct {
	stage string
	err   error
}

func (e *stageError) Error() string { return e.stage + ": " + e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

func stage(name string, err error) error {
	if err == nil {
		return nil
	}
	return &stageError{name, err}
}

// maxFrame bounds an order: the kernel takes far less in arguments and environment.
const maxFrame = 16 << 20

func EncodeFrame(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(body) > maxFrame {
		return nil, fmt.Errorf("an order of %d bytes is over the limit of %d", len(body), maxFrame)
	}
	frame := make([]byte, 4, 4+len(body))
	binary.LittleEndian.PutUint32(frame, uint32(len(body)))
	return append(frame, body...), nil
}

func ReadFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxFrame {
		return errors.New("frame over the limit")
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

func (r Request) grace() time.Duration { return time.Duration(r.GraceMS) * time.Millisecond }
