//go:build unix

package skills

import (
	"os"
	"syscall"
)

// openFlags keep the opening of a pipe from waiting for its writer, and a file
// from having become a link since it was looked at.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
