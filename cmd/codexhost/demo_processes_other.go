//go:build !linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// processes lists what runs, as ps tells it. Windows has none.
func processes() ([]process, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	listed, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,stat=,args=").Output()
	if err != nil {
		return nil, fmt.Errorf("running ps: %w", err)
	}
	var all []process
	for l := range strings.Lines(string(listed)) {
		f := strings.Fields(l)
		if len(f) < 4 || strings.HasPrefix(f[2], "Z") {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil {
			continue
		}
		parent, err := strconv.Atoi(f[1])
		if err != nil {
			continue
		}
		// ps does not say where an argument ends, and the start is not needed: a
		// later process with the same id has another command line, nearly always.
		all = append(all, process{pid: pid, parent: parent, started: strings.Join(f[3:], " "), args: f[3:]})
	}
	return all, nil
}
