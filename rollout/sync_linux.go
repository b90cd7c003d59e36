package rollout

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// syncData flushes content and size, not times: one journal write less than fsync.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}

// processStart returns when a process started, in clock ticks since boot: enough to tell two processes of one
// number apart. 0 if there is no such process.
func processStart(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The name, field 2, is in brackets and may hold anything; the start time is field 22.
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 20 {
		return 0
	}
	n, _ := strconv.ParseInt(string(fields[19]), 10, 64)
	return n
}
