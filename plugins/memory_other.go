//go:build !linux

package plugins

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Memory returns the resident memory of a process in bytes, 0 if it is not to
// be had, as on Windows.
func Memory(pid int) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
