package supervise

const (
	// RoleName is the only argument of a supervisor.
	RoleName = "__sandbox"
	// EnvMark marks the environment of a supervisor. A program that finds it in its own and is none did not branch off:
	// it must not start itself again.
	EnvMark = "CODEXHOST_SANDBOX_SUPERVISOR"
)

// Size is that of a terminal, in characters.
type Size struct{ Cols, Rows uint16 }

// Root is one folder that a policy makes writable.
type Root struct {
	Path string // absolute, no symbolic links
	// ReadOnly are existing paths inside it that stay read-only.
	ReadOnly []string
	// Missing are names inside it that do not exist, or are empty folders, and must stay so.
	Missing []string
}

// Hide is an existing path that a command finds empty.
type Hide struct {
	Path string
	Dir  bool
}

// Exit is how a command ended.
type Exit struct {
	// Code is the exit code; 128 plus the signal where a signal ended it.
	Code int
	// Signal is the signal's number, zero if none.
	Signal int
	// Lost says that the supervisor was killed from outside: Code is a guess.
	Lost bool
}
