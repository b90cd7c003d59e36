package plugins

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// errPinned says that an executable is not the one that was pinned.
type errPinned struct{ path, got, want string }

func (e *errPinned) Error() string {
	return fmt.Sprintf("the checksum of %s is %s, but %s is pinned", e.path, e.got, e.want)
}

// openPinned opens the executable at path and makes sure that its content has
// the pinned checksum. The caller closes the file, and where the system allows
// it runs that file rather than the path, which may lead elsewhere by then.
//
// go-plugin has a check of its own; it cannot be used with a runner, nor twice.
func openPinned(path, pinned string) (*os.File, error) {
	want, err := hex.DecodeString(pinned)
	if err != nil {
		return nil, fmt.Errorf("decoding the checksum of %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the executable: %w", err)
	}
	got, err := contentSum(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		f.Close()
		return nil, &errPinned{path: path, got: hex.EncodeToString(got), want: pinned}
	}
	return f, nil
}

func contentSum(r io.Reader) ([]byte, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return nil, fmt.Errorf("reading the executable: %w", err)
	}
	return sum.Sum(nil), nil
}

// Checksum returns the checksum by which the executable at path can be pinned.
func Checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening the executable: %w", err)
	}
	defer f.Close()
	sum, err := contentSum(f)
	return hex.EncodeToString(sum), err
}

// AcceptHint says how a changed executable of the named plugin is accepted.
func AcceptHint(name string) string {
	return fmt.Sprintf("`codexhost plugin accept %s` accepts it", name)
}

// isScript tells whether the file starts another program that opens the script
// by its path. An unreadable file counts as none; running it will tell.
func isScript(f *os.File) bool {
	var magic [2]byte
	_, err := f.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "#!"
}
