package jsonrpc

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// widePipe is what a pipe is made to hold, in bytes: the most that the kernel grants without privileges, by default.
const widePipe = 1 << 20

// widen lets a pipe hold more than the usual 64 KiB, as far as the kernel agrees: a large frame then takes few turns of
// writer and reader instead of dozens. What is no pipe stays as it is.
func widen(out io.Writer) {
	file, ok := out.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, widePipe) })
}
