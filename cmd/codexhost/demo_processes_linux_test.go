package main

import (
	"errors"
	"os"
	"slices"
	"testing"
)

func TestParseStat(t *testing.T) {
	const rest = " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 424242 0 0"
	p, err := parseStat("12 (a) b (c) S 7" + rest)
	if err != nil || p.parent != 7 || p.started != "424242" {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := parseStat("12 (x) Z 7" + rest); !errors.Is(err, errDead) {
		t.Errorf("a zombie: %v", err)
	}
	for _, bad := range []string{"", "12 (x", "12 (x) S 7"} {
		if p, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %+v", bad, p)
		}
	}
}

func TestProcessesHasThisOne(t *testing.T) {
	all, err := processes()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(p process) bool { return p.pid == os.Getpid() && p.parent == os.Getppid() }) {
		t.Error("this process is not among those that run")
	}
}
