package rollout

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Recorder writes one thread's file. All methods may be called concurrently; they take effect one after the
// other. The caller that got it from [Store] closes it.
type Recorder struct {
	store *Store
	path  string

	syncing sync.Mutex // held while the disk is asked, and by Close; taken before mu

	mu       sync.Mutex // guards all below
	meta     Meta
	file     logFile // nil until materialized
	lock     *writerLock
	wanted   bool   // the file should exist
	next     uint64 // ordinal of the next line
	size     int64  // bytes of whole lines in the file
	overhang bool   // a failed write left bytes after size that could not be cut yet
	pending  []byte // whole lines that are not in the file yet
	unsynced bool
	newDirs  int // folders whose entries for the file, or for each other, are not durable yet
	closed   bool
}

// logFile is what a recorder needs of a file; tests fill disks with it.
type logFile interface {
	Write(b []byte) (int, error)
	Truncate(size int64) error
	Close() error
}

// Position is a place between two lines of a thread's history.
type Position struct {
	Ordinal uint64 // of the line after it; 0 in legacy files
	Offset  int64  // in the file at Path
	Path    string // of the file that holds the line before it
}

// start makes room for the session_meta, which is rendered last because it can still change.
func (r *Recorder) start() {
	if r.meta.Base != nil {
		r.next = r.meta.Base.EndOrdinal
	}
	r.next++
}

// ID is the thread id.
func (r *Recorder) ID() string { return r.meta.ID }

// Path is where the file is, or will be.
func (r *Recorder) Path() string { return r.path }

// Meta returns the session meta as it is, or will be, in the file.
func (r *Recorder) Meta() Meta {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meta
}

// Materialized reports whether the file exists.
func (r *Recorder) Materialized() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file != nil
}

// SetGit sets what the session meta says of the repository. It has no effect once the file exists.
func (r *Recorder) SetGit(g *Git) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		r.meta.Git = g
	}
}

// Position is where the next line goes. Lines that wait in memory count for the ordinal, not for the offset.
func (r *Recorder) Position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.meta.HistoryMode == ModeLegacy {
		return Position{Offset: r.size, Path: r.path}
	}
	return Position{Ordinal: r.next, Offset: r.size, Path: r.path}
}

// Pending is how many bytes wait in memory for the file to be made or for the disk to have room.
func (r *Recorder) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending)
}

// largeWrite is how many bytes are written without waiting for the rest of a step: to put several lines of megabytes
// together would take their memory once more.
const largeWrite = 1 << 20

// Append writes the records, in one write unless they are megabytes. Before Materialize it keeps them in memory instead. After an error
// they are kept too, in order, and go first at the next call; the error says what is wrong with the disk, and a
// [*LockedError] that another process has the thread.
func (r *Recorder) Append(recs ...Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("writing rollout %s: %w", r.path, ErrClosed)
	}
	return r.appendLocked(recs)
}

func (r *Recorder) appendLocked(recs []Record) error {
	scratch := renderBuffers.Get().(*[]byte)
	b := (*scratch)[:0]
	now := r.store.now()
	for i := range recs {
		if len(b) > largeWrite && r.wanted && len(r.pending) == 0 {
			_ = r.flushLocked(b) // what fails waits in pending; the error comes again below
			b = b[:0]
		}
		b = r.render(slices.Grow(b, recs[i].size()), &recs[i], now)
	}
	if cap(b) <= 64<<10 {
		*scratch = b
	}
	defer renderBuffers.Put(scratch)
	if !r.wanted || len(r.pending) > 0 {
		r.pending = append(r.pending, b...)
		if !r.wanted {
			return nil
		}
		b = nil
	}
	return r.flushLocked(b)
}

// renderBuffers are shared by all recorders: a thousand idle threads should not hold one each.
var renderBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// render appends the line or lines of a record. In a legacy file some items have no line and some have two.
func (r *Recorder) render(b []byte, rec *Record, now time.Time) []byte {
	if rec.done == nil {
		return append(append(r.open(b, rec.kind, r.next, now), rec.payload...), "}\n"...)
	}
	if r.meta.HistoryMode != ModeLegacy {
		b = appendItemCompleted(r.open(b, kindEvent, r.next, now), rec.done)
		return append(b, "}\n"...)
	}
	legacyEvents(rec.done, func(payload []byte) {
		b = append(append(r.open(b, kindEvent, 0, now), payload...), "}\n"...)
	})
	return b
}

// open appends a line up to its payload and uses up an ordinal.
func (r *Recorder) open(b []byte, kind string, ordinal uint64, now time.Time) []byte {
	b = appendStamp(append(b, `{"timestamp":"`...), now)
	if r.meta.HistoryMode != ModeLegacy {
		b = strconv.AppendUint(append(b, `","ordinal":`...), ordinal, 10)
		b = append(b, `,"type":"`...)
		r.next = ordinal + 1
	} else {
		b = append(b, `","type":"`...)
	}
	return append(append(b, kind...), `","payload":`...)
}

// Materialize creates the file with its session meta, what was appended before, and recs, in one write. It
// takes the thread's writer lock. On an existing file it is Append.
func (r *Recorder) Materialize(recs ...Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("creating rollout %s: %w", r.path, ErrClosed)
	}
	if !r.wanted {
		r.wanted = true
		next := r.next
		var first uint64
		if r.meta.Base != nil {
			first = r.meta.Base.EndOrdinal
		}
		line := make([]byte, 0, len(r.meta.Instructions)+len(r.meta.DynamicTools)+2048)
		line = r.meta.appendJSON(r.open(line, kindMeta, first, r.store.now()))
		r.next = next
		r.pending = append(append(line, "}\n"...), r.pending...)
	}
	return r.appendLocked(recs)
}

// Flush writes what waits in memory.
func (r *Recorder) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || !r.wanted {
		return nil
	}
	return r.flushLocked(nil)
}

// flushLocked writes what waits in memory, or b if nothing does; the caller has seen to the order.
func (r *Recorder) flushLocked(b []byte) error {
	if len(r.pending) > 0 {
		b = r.pending
	}
	if len(b) == 0 {
		return nil
	}
	err := r.ready()
	written := 0
	if err == nil {
		written, err = r.write(b)
	}
	if err != nil {
		r.pending = append([]byte(nil), b[written:]...)
		return fmt.Errorf("writing rollout %s: %w", r.path, err)
	}
	r.pending = nil
	return nil
}

// ready makes sure that there is a locked file whose end is the end of a line.
func (r *Recorder) ready() error {
	if r.file == nil {
		return r.create()
	}
	if r.overhang {
		if err := r.file.Truncate(r.size); err != nil {
			return err
		}
		r.overhang = false
	}
	return nil
}

func (r *Recorder) create() error {
	if r.lock == nil {
		lock, err := r.store.lockWriter(r.meta.ID)
		if err != nil {
			return err
		}
		r.lock = lock
	}
	made, err := makePrivateCount(filepath.Dir(r.path))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	r.file, r.newDirs = f, made+1
	r.store.listing.changed(filepath.Dir(r.path))
	return nil
}

// write returns how many bytes of whole lines got into the file. What is left of a broken line is cut away, so
// that no reader ever sees one and the next write cannot be glued to it.
func (r *Recorder) write(b []byte) (int, error) {
	n, err := r.file.Write(b)
	if err == nil {
		r.size += int64(n)
		r.unsynced = true
		return n, nil
	}
	whole := bytes.LastIndexByte(b[:n], '\n') + 1
	r.size += int64(whole)
	r.unsynced = r.unsynced || whole > 0
	if whole < n {
		r.overhang = r.file.Truncate(r.size) != nil
	}
	return whole, err
}

// Sync writes what waits in memory and, under the policy "turn", makes the file durable. Writers do not wait
// for the disk meanwhile. ctx is looked at before the disk is asked; the kernel cannot be called off.
func (r *Recorder) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("syncing rollout %s: %w", r.path, err)
	}
	r.syncing.Lock()
	defer r.syncing.Unlock()
	if err := r.Flush(); err != nil {
		return err
	}
	r.mu.Lock()
	f, isFile := r.file.(*os.File)
	todo, dirs := r.unsynced && r.store.fsync.Load() && isFile && !r.closed, r.newDirs
	if todo {
		r.unsynced, r.newDirs = false, 0
	}
	dir := filepath.Dir(r.path)
	r.mu.Unlock()
	if !todo {
		return nil
	}
	err := syncData(f)
	for i := 0; i < dirs && err == nil; i++ {
		err = syncDir(dir)
		dir = filepath.Dir(dir)
	}
	if err != nil {
		r.mu.Lock()
		r.unsynced, r.newDirs = true, max(r.newDirs, dirs)
		r.mu.Unlock()
		return fmt.Errorf("syncing rollout %s: %w", r.path, err)
	}
	return nil
}

// Close writes what waits in memory, closes the file and gives up the lock. It waits for a Sync under way, may
// be called more than once, and reports what could not be written.
func (r *Recorder) Close() error {
	r.syncing.Lock()
	defer r.syncing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	var err error
	if r.wanted {
		err = r.flushLocked(nil)
	}
	r.closed = true
	if r.file != nil {
		if cerr := r.file.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("closing rollout %s: %w", r.path, cerr)
		}
	}
	if r.lock != nil {
		r.lock.release()
	}
	return err
}

// private takes away what others may do with a file that an older writer left open to them.
func private(f *os.File, info fs.FileInfo) {
	if info.Mode().Perm()&0o077 != 0 {
		_ = f.Chmod(0o600) // another owner's file: it can be written all the same
	}
}
