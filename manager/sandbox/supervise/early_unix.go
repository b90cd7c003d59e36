//go:build linux || darwin

package supervise

import (
	"os"
	"syscall"
)

// A supervisor branches off here, while the program is still being set up. Packages are set up in the order of their
// names as far as their imports allow, so that half of what this program is made of has not been touched yet: that
// saves a third of what a supervisor costs. It also means that whoever imports the package needs no line in main, and that a program
// without that line cannot start itself for ever. For everybody else this is one comparison.
var _ = branchOff(os.Args)

func branchOff(args []string) struct{} {
	if len(args) == 2 {
		if run, ok := Role(args[1:]); ok {
			syscall.Exit(run())
		}
	}
	return struct{}{}
}
