package rollout

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// listing remembers what folders hold, so that only changed ones are read again: a home has a folder per day.
type listing struct {
	mu   sync.Mutex
	dirs map[string]*folder
}

// folder is a directory as it was. Its slices are not changed after it was made.
type folder struct {
	modTime time.Time
	readAt  time.Time
	dirs    []string // names of folders that are numbers, descending
	files   []entry  // rollouts, newest first
}

type entry struct {
	fileName
	path string
}

// clean is how much older than its reading a folder's time must be to be believed: a change within the same
// tick of the file system's clock does not show.
const clean = 50 * time.Millisecond

// read returns what is in a folder; a missing one is empty.
func (l *listing) read(dir string) (*folder, error) {
	info, err := os.Stat(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return &folder{}, nil
		}
		return nil, err
	}
	l.mu.Lock()
	f := l.dirs[dir]
	l.mu.Unlock()
	if f != nil && f.modTime.Equal(info.ModTime()) && f.readAt.Sub(f.modTime) > clean {
		return f, nil
	}
	f = &folder{modTime: info.ModTime(), readAt: time.Now()}
	if err := f.load(dir); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dirs == nil {
		l.dirs = map[string]*folder{}
	}
	l.dirs[dir] = f
	return f, nil
}

// changed forgets a folder that this process has just changed.
func (l *listing) changed(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.dirs, dir)
}

func (f *folder) load(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if file, ok := parseFileName(name); ok {
			f.files = append(f.files, entry{file, filepath.Join(dir, name)})
		} else if isNumber(name) {
			f.dirs = append(f.dirs, name)
		}
	}
	slices.SortFunc(f.dirs, func(a, b string) int { return strings.Compare(b, a) })
	slices.SortFunc(f.files, func(a, b entry) int { return -compareEntries(a, b) })
	return nil
}

func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// compareEntries orders files by the time in their names, then by thread, then by segment.
func compareEntries(a, b entry) int {
	if c := strings.Compare(a.stamp, b.stamp); c != 0 {
		return c
	}
	if c := strings.Compare(a.id, b.id); c != 0 {
		return c
	}
	return strings.Compare(a.segment, b.segment)
}

// days calls f with each day folder of the sessions, newest first, until f says false. Days before oldest
// ("2006/01/02") are left out.
func (s *Store) days(oldest string, f func(day *folder) bool) error {
	root := s.sessions()
	years, err := s.listing.read(root)
	if err != nil {
		return err
	}
	for _, y := range years.dirs {
		if oldest != "" && y < oldest[:4] {
			return nil
		}
		months, err := s.listing.read(filepath.Join(root, y))
		if err != nil {
			return err
		}
		for _, m := range months.dirs {
			if oldest != "" && y+"/"+m < oldest[:7] {
				return nil
			}
			days, err := s.listing.read(filepath.Join(root, y, m))
			if err != nil {
				return err
			}
			for _, d := range days.dirs {
				if oldest != "" && y+"/"+m+"/"+d < oldest {
					return nil
				}
				day, err := s.listing.read(filepath.Join(root, y, m, d))
				if err != nil {
					return err
				}
				if !f(day) {
					return nil
				}
			}
		}
	}
	return nil
}

// files returns all files of a thread, newest first, from the sessions or from the archive.
func (s *Store) files(id string, archived bool) (found []entry, err error) {
	pick := func(dir *folder) bool {
		for _, e := range dir.files {
			if e.id == id {
				found = append(found, e)
			}
		}
		return true
	}
	if archived {
		dir, err := s.listing.read(s.archive())
		if err != nil {
			return nil, err
		}
		pick(dir)
		return found, nil
	}
	err = s.days(oldestDay(id), pick)
	return found, err
}

// oldestDay is a day before which a thread cannot have files: ids of version 7 tell when they were made.
func oldestDay(id string) string {
	if len(id) != 36 || id[14] != '7' {
		return ""
	}
	var ms int64
	for i := 0; i < 13; i++ {
		c := strings.IndexByte(hexDigits, id[i]|0x20)
		switch {
		case i == 8:
			continue
		case c < 0:
			return ""
		}
		ms = ms<<4 | int64(c)
	}
	return time.UnixMilli(ms).UTC().Add(-36 * time.Hour).Format("2006/01/02") // any time zone, any clock skew of hours
}
