package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

func selfExe() string { return "/proc/self/exe" }

func cloexecPipe(fds *[2]int) error { return unix.Pipe2(fds[:], unix.O_CLOEXEC) }

// socketPair makes the connection between host and supervisor.
func socketPair() (mine, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "supervisor"), os.NewFile(uintptr(fds[1]), "host"), nil
}
