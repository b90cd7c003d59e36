//go:build linux || darwin

package sandbox

import "github.com/codexhost/codexhost/manager/sandbox/supervise"

// Role tells whether this process was started as the supervisor of a command. main calls it before anything else with
// its arguments (without the program's name), and exits with what run returns:
//
//	if run, ok := sandbox.Role(os.Args[1:]); ok {
//		os.Exit(run())
//	}
func Role(args []string) (run func() int, ok bool) { return supervise.Role(args) }
