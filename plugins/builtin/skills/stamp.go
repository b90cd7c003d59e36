package skills

import (
	"io/fs"
	"time"
)

// stamp tells two states of a file apart, as far as the file system does.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // nanoseconds
}

// memo is a stamp and whether it can be trusted. A file that changed a moment
// before it was read may change again within the same tick of the file
// system's clock, and look the same; it is read again until it has aged.
type memo struct {
	stamp
	trusted bool
}

const (
	coarseTick = 2 * time.Second        // FAT, old network file systems
	fineTick   = 100 * time.Millisecond // everything that stores fractions
)

// newMemo judges the stamp of a file that was about to be read at now.
func newMemo(s stamp, now time.Time) memo {
	tick := coarseTick
	if s.mtime%int64(10*time.Millisecond) != 0 {
		tick = fineTick
	}
	age := now.UnixNano() - max(s.mtime, s.ctime)
	return memo{stamp: s, trusted: age > int64(tick)}
}

// holds tells whether what was read under m is what a file stamped s contains.
func (m memo) holds(s stamp) bool { return m.trusted && m.stamp == s }

func stampOf(info fs.FileInfo) stamp {
	s := stamp{size: info.Size(), mtime: info.ModTime().UnixNano()}
	s.system(info)
	return s
}
