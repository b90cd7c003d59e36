package skillswatch

// Source reports changes in folders, each watched by itself: never what is below its entries.
type Source interface {
	// Add starts reporting on an existing folder. It may be called again for a folder that was replaced. It may run
	// concurrently with everything but Close, and may touch the file system.
	Add(dir string) error
	// Remove stops reporting; notices on their way may still arrive. Unknown folders are ignored.
	Remove(dir string)
	// Notices delivers in order and must be drained; the source closes it after Close or when it cannot go on.
	Notices() <-chan Notice
	// Close stops the source and waits for its goroutines. It may be called once only.
	Close() error
}

// Notice is one thing that a source saw.
type Notice struct {
	// Path is a folder that was added, or such a folder and the name of an entry. Empty with Overflow.
	Path string
	// Gone says that Path, or what was at Path, is not there any more: removed, renamed away or replaced.
	Gone bool
	// New says that Path is there anew.
	New bool
	// Overflow says that notices were lost, or that something else went wrong: look at everything again.
	Overflow bool
}
