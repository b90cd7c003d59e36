//go:build unix && !linux

package mcp

import (
	"os"
	"syscall"
	"time"
)

// There is no parent-death signal here: a server ends at the end of its stdin,
// or when this process, which notices the end of the host, kills its group.
func dieWithParent(*syscall.SysProcAttr) {}

func (*group) close() {}

type family struct{}

func familyOf(int) family { return family{} }
func (family) kill()      {}

func (*spawner) adopt()   {}
func sweep(time.Duration) {}

// leftIn cannot be known here.
func leftIn(*os.File) int64 { return 0 }
