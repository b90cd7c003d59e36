package plugins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stamp tells apart what lay at a plugin's paths at two times, without reading
// it. The empty one is of a program that cannot be run as it is: it is missing,
// empty, or not executable yet, as in the middle of a build.
type stamp string

// stamp looks at the program. One without a path is the host's own executable,
// which is another when the host is, and not before.
func (s *Spec) stamp() stamp {
	if s.Path == "" {
		return "own"
	}
	var b strings.Builder
	for i, path := range s.files() {
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 && i == 0 || !info.Mode().IsRegular() {
			return ""
		}
		if i == 0 && info.Mode()&0o111 == 0 && runtime.GOOS != "windows" {
			return ""
		}
		fmt.Fprintf(&b, "%s %d %d %d\n", path, info.Size(), info.ModTime().UnixNano(), fileID(info))
	}
	return stamp(b.String())
}

// files are those that make up the program; none if it is the host's own.
func (s *Spec) files() []string {
	if s.Path == "" {
		return nil
	}
	return append([]string{s.Path}, s.Sources...)
}

// there tells whether the program's file is there, in whatever state.
func (s *Spec) there() bool {
	_, err := os.Stat(s.Path)
	return !errors.Is(err, fs.ErrNotExist)
}

// busy tells whether a start failed because somebody still writes the program.
func busy(err error) bool { return errors.Is(err, syscall.ETXTBSY) }

// launchComplete launches once nobody writes the program any more, or fails as
// long after the first try as a start may take.
func (s *supervisor) launchComplete(spec Spec, generation uint64) (*instance, error) {
	h := s.host
	limit := time.NewTimer(h.times.Start)
	defer limit.Stop()
	for {
		program := spec.stamp() // before the start: a change in between is seen as one
		s.mu.Lock()
		s.tried = program
		s.mu.Unlock()
		in, err := h.launch(h.ctx, spec, generation)
		if err == nil {
			in.program = program
			return in, nil
		}
		if !busy(err) {
			return nil, err
		}
		h.logger.Debug("plugin's program is still being written", "plugin", spec.Name)
		if !h.sleep(h.times.Settle, limit.C) {
			return nil, err
		}
	}
}

// sleep waits for d; false if limit or the end of the host came first.
func (h *Host) sleep(d time.Duration, limit <-chan time.Time) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-limit:
	case <-h.ctx.Done():
	}
	return false
}
