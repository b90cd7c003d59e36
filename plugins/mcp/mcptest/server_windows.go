package mcptest

import (
	"os"
	"os/signal"
	"syscall"
)

func ignoreSignals() { signal.Ignore(os.Interrupt) }

func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
