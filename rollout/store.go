package rollout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Fsync policies.
const (
	FsyncTurn = "turn" // Recorder.Sync makes what was written durable
	FsyncOff  = "off"  // Recorder.Sync only flushes to the operating system
)

// Options of a Store. The zero value is usable.
type Options struct {
	Fsync  string           // FsyncTurn if empty
	Client func() string    // shown to others who find a thread locked; the name of this program if nil
	Now    func() time.Time // time.Now if nil
}

// Store is the thread files of one CODEX_HOME. It opens nothing until it is asked; there is nothing to close.
// Its methods may be called concurrently.
type Store struct {
	home   string
	fsync  atomic.Bool
	client func() string
	now    func() time.Time

	listing listing
	merged  merged
	gits    gitCache
	heads   headCache
	names   nameCache
}

var (
	// ErrNotFound says that there is no file of that thread.
	ErrNotFound = errors.New("no rollout found")
	// ErrArchived says that the thread is archived and must be unarchived first.
	ErrArchived = errors.New("thread is archived")
	// ErrEmpty says that a file has no usable session_meta, so nobody knows which thread it is.
	ErrEmpty = errors.New("no session meta in rollout")
	// ErrClosed says that a recorder was closed.
	ErrClosed = errors.New("rollout is closed")
)

// NewStore returns the store of the given home folder, which need not exist.
func NewStore(home string, o Options) *Store {
	s := &Store{home: home, client: o.Client, now: o.Now}
	s.SetFsync(o.Fsync)
	if s.client == nil {
		s.client = func() string { return "codexhost" }
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// SetFsync changes the fsync policy.
func (s *Store) SetFsync(policy string) { s.fsync.Store(policy != FsyncOff) }

func (s *Store) sessions() string { return filepath.Join(s.home, "sessions") }
func (s *Store) archive() string  { return filepath.Join(s.home, "archived_sessions") }

const fileStamp = "2006-01-02T15-04-05"

// newPath is where a thread that is made at t is kept: local time, as users look for files.
func (s *Store) newPath(id, segment string, t time.Time) string {
	t = t.Local()
	name := "rollout-" + t.Format(fileStamp) + "-" + id
	if segment != "" {
		name += "_" + segment
	}
	return filepath.Join(s.sessions(), t.Format("2006"), t.Format("01"), t.Format("02"), name+".jsonl")
}

// dayFolder is where a file of that name is kept as long as it is not archived.
func (s *Store) dayFolder(f fileName) string {
	return filepath.Join(s.sessions(), f.stamp[:4], f.stamp[5:7], f.stamp[8:10])
}

// fileName is what the name of a rollout file says.
type fileName struct {
	stamp   string // 2006-01-02T15-04-05, local time
	id      string
	segment string // of a reverted thread, else empty
}

func parseFileName(name string) (f fileName, ok bool) {
	rest, ok := strings.CutPrefix(name, "rollout-")
	if !ok {
		return f, false
	}
	if rest, ok = strings.CutSuffix(rest, ".jsonl"); !ok || len(rest) < len(fileStamp)+2 || rest[len(fileStamp)] != '-' {
		return f, false
	}
	f.stamp, f.id = rest[:len(fileStamp)], rest[len(fileStamp)+1:]
	f.id, f.segment, _ = strings.Cut(f.id, "_")
	return f, f.stamp[4] == '-' && f.stamp[7] == '-' && f.stamp[10] == 'T'
}

// Create returns the recorder of a new thread. It fills in the timestamp and the history mode if they are
// missing, computes the path, and writes nothing before [Recorder.Materialize].
func (s *Store) Create(m Meta) (*Recorder, error) {
	if m.ID == "" || strings.ContainsAny(m.ID, "/\\_") {
		return nil, fmt.Errorf("creating a rollout: bad thread id %q", m.ID)
	}
	if m.Timestamp.IsZero() {
		m.Timestamp = s.now()
	}
	m.HistoryMode = m.mode()
	r := &Recorder{store: s, meta: m, path: s.newPath(m.ID, "", m.Timestamp)}
	r.start()
	return r, nil
}

// isPath tells a path from a thread id.
func isPath(ref string) bool {
	return strings.ContainsRune(ref, '/') || strings.ContainsRune(ref, filepath.Separator) || strings.HasSuffix(ref, ".jsonl")
}

// makePrivateCount is makePrivate; it returns how many folders it made.
func makePrivateCount(dir string) (made int, err error) {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || !os.IsNotExist(err) || d == filepath.Dir(d) {
			break
		}
		made++
	}
	if made == 0 {
		return 0, nil
	}
	return made, makePrivate(dir)
}

// makePrivate creates dir and the folders above it that are missing, closed to others.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating folder %s: %w", dir, err)
	}
	return nil
}
