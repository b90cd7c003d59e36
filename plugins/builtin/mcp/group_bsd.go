//go:build unix && !linux

package mcp

import (
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
