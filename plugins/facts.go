package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// factsName is the file in a host's private folder that says what its plugins
// are doing, for commands in other processes to read.
const factsName = "state.json"

// HostFacts is what one host says of itself and its plugins.
type HostFacts struct {
	PID     int           `json:"pid"`
	Owner   string        `json:"owner"`
	Started time.Time     `json:"started"`
	Plugins []PluginFacts `json:"plugins"` // sorted by name
}

// PluginFacts is a Status in words, as it is written down.
type PluginFacts struct {
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	Phase      Phase     `json:"phase"`
	PID        int       `json:"pid,omitempty"`
	Started    time.Time `json:"started,omitzero"`
	Generation uint64    `json:"generation,omitempty"`
	Restarts   int       `json:"restarts"`
	Contract   int       `json:"contract,omitempty"` // the version that is spoken
	Version    string    `json:"version,omitempty"`  // the plugin's own
	// Asks are the variables that the plugin would like to see.
	Asks      []AskedVariable `json:"asks,omitempty"`
	LastError string          `json:"lastError,omitempty"`
	Until     time.Time       `json:"until,omitzero"` // when a broken one may start again
}

// AskedVariable is a variable of the environment that a plugin asks for.
type AskedVariable struct {
	Name     string `json:"name"`
	Why      string `json:"why,omitempty"`
	Required bool   `json:"required"`
}

func (s *Status) facts() PluginFacts {
	f := PluginFacts{
		Name: s.Name, Kind: s.Kind, Phase: s.Phase, PID: s.PID, Started: s.Started,
		Generation: s.Generation, Restarts: s.Restarts, Contract: s.Version, Until: s.Until,
	}
	if s.Manifest != nil {
		f.Version = s.Manifest.Version
		for _, v := range s.Manifest.Env {
			f.Asks = append(f.Asks, AskedVariable{v.Name, v.Why, v.Required})
		}
	}
	if s.LastError != nil {
		f.LastError = s.LastError.Error()
	}
	return f
}

// factsFile keeps a host's file up to date, from a goroutine of its own that
// begins with the first change.
type factsFile struct {
	host  *Host
	began time.Time
	dirty chan struct{} // has a token when there may be news

	once sync.Once
}

// touch says that something changed. It does not wait.
func (f *factsFile) touch() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
	f.once.Do(func() { f.host.begin(f.keep) })
}

// keep ends with the host, whose folder is removed with the file.
func (f *factsFile) keep() {
	var written []byte
	for {
		select {
		case <-f.dirty:
		case <-f.host.ctx.Done():
			return
		}
		dir := f.host.run.made()
		if dir == "" {
			continue // nothing ran yet
		}
		now := f.encode()
		if bytes.Equal(now, written) {
			continue
		}
		if err := replaceFile(filepath.Join(dir, factsName), now); err != nil {
			f.host.logger.Warn("what plugins are doing cannot be written down", "error", err)
			continue
		}
		written = now
	}
}

func (f *factsFile) encode() []byte {
	facts := HostFacts{PID: os.Getpid(), Owner: f.host.owner, Started: f.began}
	for _, s := range f.host.Status() {
		facts.Plugins = append(facts.Plugins, s.facts())
	}
	b, err := json.Marshal(facts)
	if err != nil {
		return []byte("{}") // cannot be: it is strings, numbers and times
	}
	return b
}

// replaceFile puts content in the place of the file at path, at once.
func replaceFile(path string, content []byte) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, content, 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// Hosts returns what the living hosts of this user are doing that belong to
// owner, oldest first. A host whose plugins were never needed is not among them.
// What dead hosts have left is removed. runDir is that of their Options.
func Hosts(runDir, owner string) ([]HostFacts, error) {
	bases := []string{runDir}
	if runDir == "" {
		bases = usualBases()
	}
	var out []HostFacts
	var errs []error
	for _, base := range bases {
		info, err := os.Lstat(base)
		if err != nil || !info.IsDir() || !ownedByUs(info) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(base, "h*", factsName))
		if err != nil {
			return nil, fmt.Errorf("looking for hosts in %s: %w", base, err)
		}
		for _, file := range files {
			facts, err := readFacts(file)
			switch {
			case err != nil:
				errs = append(errs, err)
			case facts != nil && facts.Owner == owner:
				out = append(out, *facts)
			}
		}
	}
	slices.SortFunc(out, func(a, b HostFacts) int { return a.Started.Compare(b.Started) })
	return out, errors.Join(errs...)
}

// readFacts reads the file of a host, or removes the folder of a dead one.
func readFacts(file string) (*HostFacts, error) {
	dir := filepath.Dir(file)
	// A host writes the file when it has the lock, so one that can be had is a dead host's.
	if lock, err := lockFile(filepath.Join(dir, lockName)); err == nil {
		lock.Close()
		_ = os.RemoveAll(dir) // a courtesy
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it ended just now
	}
	if err != nil {
		return nil, fmt.Errorf("reading what a host is doing: %w", err)
	}
	facts := new(HostFacts)
	if err := json.Unmarshal(b, facts); err != nil {
		return nil, fmt.Errorf("reading what a host is doing in %s: %w", file, err)
	}
	return facts, nil
}
