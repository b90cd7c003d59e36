package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// A Refusal is a request that cannot be served as it stands. Its text is for the
// client.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// A Failure is what the operating system answered about a file. Its text is in
// the spelling that clients of this protocol know: "No such file or directory (os error 2)".
type Failure struct {
	Path string // what it is about; empty if the system did not say
	Err  error
}

func (f *Failure) Error() string {
	errno, ok := errors.AsType[syscall.Errno](f.Err)
	if !ok {
		return f.Err.Error()
	}
	text := errno.Error()
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return fmt.Sprintf("%s (os error %d)", text, int(errno))
}

func (f *Failure) Unwrap() error { return f.Err }

// Asked reports whether the failure lies in what was asked for, a name that is
// missing, taken or of another kind, and not in the storage.
func (f *Failure) Asked() bool {
	if errors.Is(f.Err, fs.ErrNotExist) || errors.Is(f.Err, fs.ErrExist) || errors.Is(f.Err, errNoRoots) {
		return true
	}
	for _, e := range []syscall.Errno{syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EINVAL} {
		if errors.Is(f.Err, e) {
			return true
		}
	}
	return false
}

// failed makes a Failure of an error of package os; nil stays nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Refusal](err); ok {
		return err
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return &Failure{Path: p.Path, Err: err}
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return &Failure{Path: l.New, Err: err}
	}
	return &Failure{Err: err}
}
