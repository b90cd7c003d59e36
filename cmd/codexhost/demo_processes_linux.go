package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// processes lists what runs, without the dead that nobody has fetched yet.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		command, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil {
			continue
		}
		p, err := parseStat(string(stat))
		if err != nil || len(command) == 0 {
			continue // a zombie or a thread of the kernel
		}
		p.pid, p.args = pid, strings.Split(strings.TrimSuffix(string(command), "\x00"), "\x00")
		all = append(all, p)
	}
	return all, nil
}

var errDead = errors.New("it is dead")

// parseStat reads /proc/PID/stat. The second field is a name in parentheses that
// may hold anything; all others are without blanks.
func parseStat(stat string) (process, error) {
	const state, parent, started = 0, 1, 19 // counted from the field behind the name
	end := strings.LastIndexByte(stat, ')')
	fields := strings.Fields(stat[end+1:])
	if end < 0 || len(fields) <= started {
		return process{}, fmt.Errorf("%q is no process status", stat)
	}
	if fields[state] == "Z" || fields[state] == "X" {
		return process{}, errDead
	}
	ppid, err := strconv.Atoi(fields[parent])
	if err != nil {
		return process{}, fmt.Errorf("reading a parent: %w", err)
	}
	return process{parent: ppid, started: fields[started]}, nil
}
