package oauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Store is the file of credentials of one home folder. Its methods may be
// called concurrently, and by several processes.
type Store struct{ home string }

// NewStore returns the store of a home folder. It touches nothing.
func NewStore(home string) *Store { return &Store{home} }

// Path is the file.
func (s *Store) Path() string { return filepath.Join(s.home, ".credentials.json") }

// Get returns what a login to the server left, or nil. It may wait a moment for
// who writes the file.
func (s *Store) Get(name, url string) (*Credentials, error) {
	if f, err := os.OpenFile(s.lockPath(storeLock), os.O_RDWR, 0); err == nil { // otherwise nobody has written here
		unlock, err := hold(f, readPatience, nil)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	all, err := s.read()
	if err != nil {
		return nil, err
	}
	if e, ok := all[key(name, url)]; ok {
		return e.credentials(), nil
	}
	return nil, nil
}

// Reserve makes the file if it is not there. A sandbox hides what it finds when a
// command starts; a login may come later.
func (s *Store) Reserve() {
	if f, err := os.OpenFile(s.Path(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		_, _ = f.WriteString("{}") // empty is as good to us
		_ = f.Close()
	}
}

// Put keeps credentials.
func (s *Store) Put(ctx context.Context, c *Credentials) error {
	return s.change(ctx, key(c.Name, c.URL), func(e entry) (entry, bool) { return entry{}.with(c), true })
}

// Delete forgets what a login to the server left, and says whether there was something.
func (s *Store) Delete(ctx context.Context, name, url string) (had bool, err error) {
	err = s.change(ctx, key(name, url), func(e entry) (entry, bool) {
		had = e != nil
		return nil, had
	})
	return had, err
}

// replace keeps credentials in the place of others. If those are no longer
// there (somebody logged in anew, or out), nothing is changed.
func (s *Store) replace(ctx context.Context, old, c *Credentials) error {
	return s.change(ctx, key(c.Name, c.URL), func(e entry) (entry, bool) {
		if e == nil {
			return nil, false
		}
		now := e.credentials()
		if now.AccessToken != old.AccessToken || now.RefreshToken != old.RefreshToken {
			return nil, false
		}
		return e.with(c), true
	})
}

// change edits the entry k, nil if there is none, and writes the file if edit says so.
func (s *Store) change(ctx context.Context, k string, edit func(entry) (entry, bool)) error {
	unlock, err := s.lock(ctx, storeLock)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := s.read()
	if err != nil {
		return err
	}
	e, changed := edit(all[k])
	switch {
	case !changed:
		return nil
	case e == nil:
		delete(all, k)
	default:
		all[k] = e
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", s.Path(), err)
	}
	return s.write(raw)
}

// read reads the file. One that cannot be understood is an error, and stays.
func (s *Store) read() (map[string]entry, error) {
	raw, err := os.ReadFile(s.Path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the logins to MCP servers: %w", err)
	}
	all, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the logins to MCP servers: %s is not the JSON it should be (%w); mend it or move it away", s.Path(), err)
	}
	return all, nil
}

// parse is what a file holds; nothing counts as an empty object.
func parse(raw []byte) (map[string]entry, error) {
	all := map[string]entry{}
	if len(bytes.TrimSpace(raw)) == 0 {
		return all, nil
	}
	err := json.Unmarshal(raw, &all)
	if all == nil { // it said null
		all = map[string]entry{}
	}
	return all, err
}

// write writes the file, which is the user's alone from its first byte. It is
// written in its place: where a sandbox has something mounted over it, a new file
// of that name would lie bare. First it gets the room that it needs, with
// blanks, so that a full disk costs nothing of what is there.
func (s *Store) write(raw []byte) error {
	f, err := os.OpenFile(s.Path(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keeping the logins to MCP servers: %w", err)
	}
	err = overwrite(f, raw)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keeping the logins to MCP servers: %w", err)
	}
	return nil
}

func overwrite(f *os.File, raw []byte) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if grow := int64(len(raw)) - size; grow > 0 {
		if _, err := f.WriteAt(bytes.Repeat([]byte(" "), int(grow)), size); err != nil {
			return errors.Join(err, f.Truncate(size))
		}
	}
	rest := max(0, size-int64(len(raw)))
	if _, err := f.WriteAt(append(raw, bytes.Repeat([]byte(" "), int(rest))...), 0); err != nil {
		return err
	}
	_ = f.Chmod(0o600) // what others have made of it
	return errors.Join(f.Truncate(int64(len(raw))), f.Sync())
}

// lockRenewal takes the lock under which the credentials of a server are renewed.
func (s *Store) lockRenewal(ctx context.Context, name, url string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(key(name, url)))
	return s.lock(ctx, hex.EncodeToString(sum[:])+".lock")
}

// lockPatience bounds the wait for others. One of them may be waiting for an
// authorization server, which it does not do for longer than renewalLimit.
const lockPatience = renewalLimit + 10*time.Second

// readPatience bounds the wait for who writes the file, which takes milliseconds.
const readPatience = 2 * time.Second

// storeLock is held by who reads or writes the file.
const storeLock = "file-store.lock"

func (s *Store) lockPath(name string) string { return filepath.Join(s.home, "mcp-oauth-locks", name) }

// lock takes a lock that the reference takes, too.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	path := s.lockPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("locking the logins to MCP servers: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the logins to MCP servers: %w", err)
	}
	return hold(f, lockPatience, ctx.Done())
}

var errAbandoned = errors.New("gave up waiting for the lock of the logins to MCP servers")

// hold locks an open file, which it closes. A file system that cannot lock is
// used without.
func hold(f *os.File, limit time.Duration, done <-chan struct{}) (unlock func(), err error) {
	over := time.NewTimer(limit)
	defer over.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if busy := tryLock(f); !busy {
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-time.After(pause):
		case <-done:
			_ = f.Close()
			return nil, errAbandoned
		case <-over.C:
			_ = f.Close()
			return nil, errors.New("another program is renewing or writing the logins to MCP servers, and does not come to an end")
		}
	}
}
