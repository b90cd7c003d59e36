package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/codexhost/codexhost/plugins"
)

// process is one that ran at the moment of looking.
type process struct {
	pid, parent int
	started     string   // tells it from a later one with its id
	args        []string // its command line
}

func (p process) String() string {
	return fmt.Sprintf("%d (%s)", p.pid, filepath.Base(p.args[0]))
}

// role says what a process of the demo does in it.
func (p process) role(host int) string {
	if p.pid == host {
		return "the host"
	}
	if r, ok := plugins.Role(p.args[1:]); ok {
		return "provider: " + r
	}
	return "MCP server"
}

// showProcesses lists the host and what it started, where the system can be asked.
func (d *demo) showProcesses() []process {
	all, err := processes()
	if err != nil {
		d.printf("\nThe processes that took part cannot be listed here: %v\n", err)
		return nil
	}
	host := d.host.cmd.Process.Pid
	took := family(all, host)
	d.printf("\nThe processes that took part\n  %7s %7s  %-17s %s\n", "pid", "parent", "role", "command")
	for _, p := range took {
		command := append([]string{filepath.Base(p.args[0])}, p.args[1:]...)
		d.printf("  %7d %7d  %-17s %s\n", p.pid, p.parent, p.role(host), clip(strings.Join(command, " ")))
	}
	return took
}

// family is a process and all below it, parents first.
func family(all []process, root int) []process {
	var found []process
	for _, p := range all {
		if p.pid == root {
			found = append(found, p)
		}
	}
	for i := 0; i < len(found); i++ {
		for _, p := range all {
			if p.parent == found[i].pid {
				found = append(found, p)
			}
		}
	}
	return found
}

// waitGone waits until none of some processes is left, at most for limit. It
// returns those that are.
func waitGone(some []process, limit time.Duration) (left []process) {
	deadline := time.Now().Add(limit)
	for {
		now, err := processes()
		if err != nil {
			return nil
		}
		left = nil
		for _, p := range some {
			if slices.ContainsFunc(now, func(q process) bool { return q.pid == p.pid && q.started == p.started }) {
				left = append(left, p)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(20 * time.Millisecond)
	}
}
