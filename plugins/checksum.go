package plugins

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

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
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		f.Close()
		return nil, fmt.Errorf("reading the executable: %w", err)
	}
	if got := sum.Sum(nil); subtle.ConstantTimeCompare(got, want) != 1 {
		f.Close()
		return nil, fmt.Errorf("the checksum of %s is %x, but %s is pinned", path, got, pinned)
	}
	return f, nil
}

// isScript tells whether the file starts another program that opens the script
// by its path. An unreadable file counts as none; running it will tell.
func isScript(f *os.File) bool {
	var magic [2]byte
	_, err := f.ReadAt(magic[:], 0)
	return err == nil && string(magic[:]) == "#!"
}
