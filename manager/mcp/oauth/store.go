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

// Get returns what a login to the server left, or nil.
func (s *Store) Get(name, url string) (*Credentials, error) {
	all, err := s.read()
	if err != nil {
		return nil, err
	}
	if e, ok := all[key(name, url)]; ok {
		return e.credentials(), nil
	}
	return nil, nil
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
	unlock, err := s.lock(ctx, "file-store.lock")
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

// write replaces the file. It is the user's alone, from its first byte.
func (s *Store) write(raw []byte) error {
	path := s.Path()
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials.*.tmp") // 0600
	if err != nil {
		return fmt.Errorf("keeping the logins to MCP servers: %w", err)
	}
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("keeping the logins to MCP servers: %w", err)
	}
	return nil
}

// lockRenewal takes the lock under which the credentials of a server are renewed.
func (s *Store) lockRenewal(ctx context.Context, name, url string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(key(name, url)))
	return s.lock(ctx, hex.EncodeToString(sum[:])+".lock")
}

// lockPatience bounds the wait for others. One of them may be waiting for an
// authorization server, which it does not do for longer than renewalLimit.
const lockPatience = renewalLimit + 10*time.Second

// lock takes a lock that the reference takes, too. A file system that cannot
// lock is used without.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	dir := filepath.Join(s.home, "mcp-oauth-locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("locking the logins to MCP servers: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the logins to MCP servers: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if busy := tryLock(f); !busy {
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("waiting for another program that renews or writes the logins to MCP servers: %w", ctx.Err())
		}
	}
}
