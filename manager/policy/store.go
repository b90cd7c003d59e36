package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Store holds the rules in use, and adds those that users agree to.
type Store struct {
	home  string // folder of the host's files; default.rules lies in its rules folder
	rules atomic.Pointer[Rules]

	mu sync.Mutex // guards changes of rules
}

// Open reads the rules of the folders, see [Load]; home is where [Store.Amend] writes, and its rules folder is read only
// if it is among dirs. The store is usable whatever the errors.
func Open(home string, dirs ...string) (*Store, []error) {
	s := &Store{home: home}
	rules, broken := Load(dirs...)
	s.rules.Store(rules)
	return s, broken
}

// Rules are the rules in use now.
func (s *Store) Rules() *Rules { return s.rules.Load() }

// Amend allows commands that begin with words from now on: in this store at once, and in the home's default.rules for
// later. A rule that is there is not written again. It waits for other writers of the file as long as ctx lives, ten
// seconds at most. When the file cannot be written the rule holds in this store all the same.
func (s *Store) Amend(ctx context.Context, words []string) error {
	if len(words) == 0 || slices.Contains(words, "") && len(words) == 1 {
		return errors.New("adding a rule: no words given")
	}
	rule := allowing(words)
	s.mu.Lock()
	s.rules.Store(s.rules.Load().with(rule))
	s.mu.Unlock()
	if err := appendRule(ctx, filepath.Join(s.home, "rules"), rule.line()); err != nil {
		return fmt.Errorf("adding a rule to %s: %w", filepath.Join(s.home, "rules", "default.rules"), err)
	}
	return nil
}

// lockPatience bounds the wait for another writer, who takes milliseconds.
const lockPatience = 10 * time.Second

// appendRule adds a line to default.rules in dir, unless it is there. The file itself is the lock, as it is for other
// programs that share the folder.
func appendRule(ctx context.Context, dir, line string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "default.rules"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	if err := lock(ctx, f); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return err
	}
	if len(text)+len(line) > largestFile {
		return fmt.Errorf("the file would be larger than %d bytes", largestFile)
	}
	for have := range bytes.Lines(text) {
		if string(bytes.TrimSpace(have)) == line {
			return nil
		}
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = "\n" + line
	}
	_, err = f.WriteString(line + "\n")
	return err
}

// lock tries until it has the file or ctx ends. Closing the file unlocks it.
func lock(ctx context.Context, f *os.File) error {
	for {
		busy, err := tryLock(f)
		if !busy {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for another writer: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}
