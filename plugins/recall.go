package plugins

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What a plugin said the last time stands in for it while its process starts.
// It is kept below Options.CacheDir, one file for a request, and holds for the
// program, arguments and settings that gave it: for those alone.

const (
	maxRecalled    = 4 << 20 // bytes of one answer that are kept
	maxRecollected = 64      // answers of one plugin
)

// recollection is a file of the cache.
type recollection struct {
	Program string `json:"program"` // SHA-256 of the program's files
	Stamp   stamp  `json:"stamp"`   // of these files then: while it holds they need not be read
	Answer  []byte `json:"answer"`
}

// Recall returns what Remember was given last for a request, if the same program
// with the same settings gave it and the plugin still has to start. A plugin
// that runs, or has failed, is to be asked itself.
func (h *Host) Recall(name string, request []byte) (answer []byte, ok bool) {
	s, err := h.supervisor(name)
	if err != nil || h.cacheDir == "" {
		return nil, false
	}
	s.mu.Lock()
	spec := s.spec
	asleep := !s.closed && s.last == nil && !s.started
	s.mu.Unlock()
	if !asleep || spec.Path == "" {
		return nil, false
	}
	b, err := os.ReadFile(h.recollectionPath(&spec, request))
	if err != nil {
		return nil, false
	}
	var r recollection
	if json.Unmarshal(b, &r) != nil {
		return nil, false
	}
	if now := spec.stamp(); now == "" || now != r.Stamp && r.Program != spec.content() {
		return nil, false
	}
	return r.Answer, true
}

// Remember keeps an answer of a plugin that runs, for Recall of a later host. It
// does not wait; what cannot be kept is not.
func (h *Host) Remember(name string, request, answer []byte) {
	s, err := h.supervisor(name)
	if err != nil || h.cacheDir == "" || len(answer) > maxRecalled {
		return
	}
	s.mu.Lock()
	spec, in := s.spec, s.current
	s.mu.Unlock()
	if in == nil || spec.Path == "" || !in.spec.equal(&spec) {
		return
	}
	h.begin(func() {
		if err := h.remember(&spec, in, request, answer); err != nil {
			in.logger.Debug("what the plugin said is not remembered", "error", err)
		}
	})
}

func (h *Host) remember(spec *Spec, in *instance, request, answer []byte) error {
	program := in.content()
	if program == "" {
		return nil
	}
	b, err := json.Marshal(recollection{Program: program, Stamp: in.program, Answer: answer})
	if err != nil {
		return fmt.Errorf("encoding it: %w", err)
	}
	path := h.recollectionPath(spec, request)
	h.recalled.Lock()
	defer h.recalled.Unlock()
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	prune(dir)
	// Another host may do the same: the name is ours alone.
	f, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// recollectionPath is where the answer to a request lies.
func (h *Host) recollectionPath(s *Spec, request []byte) string {
	sum := sha256.New()
	// The values of variables that the plugin sees may decide what it says.
	key := struct {
		Kind, Path string
		Args       []string
		Env        []string
		Settings   string
		Request    []byte
	}{s.Kind, s.Path, s.Args, s.chosenEnv(h.environ()), string(s.Settings), request}
	if err := json.NewEncoder(sum).Encode(key); err != nil {
		panic("plugins: bug: " + err.Error()) // strings always encode
	}
	return filepath.Join(h.cacheDir, s.Name, hex.EncodeToString(sum.Sum(nil)[:16])+".json")
}

// prune removes the oldest answers where there are too many.
func prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < maxRecollected {
		return
	}
	age := func(e os.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return age(a).Compare(age(b)) })
	for _, e := range entries[:len(entries)-maxRecollected+1] {
		_ = os.Remove(filepath.Join(dir, e.Name())) // what is left is found the next time
	}
}

// content is the checksum of all files of the program, empty if one cannot be read.
func (s *Spec) content() string {
	var all []string
	for _, path := range s.files() {
		sum, err := Checksum(path)
		if err != nil {
			return ""
		}
		all = append(all, sum)
	}
	if len(all) == 1 {
		return all[0]
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:])
}
