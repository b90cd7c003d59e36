//go:build linux || darwin

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain lets the test binary be the supervisor of the commands that tests start, a host to be killed, and the program
// that tries to get out.
func TestMain(m *testing.M) {
	if run, ok := Role(os.Args[1:]); ok {
		os.Exit(run())
	}
	if plan := os.Getenv("SANDBOX_TEST_HOST"); plan != "" {
		os.Exit(playHost(plan))
	}
	if len(os.Args) == 3 && os.Args[1] == "get-out" {
		os.Exit(getOut(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "play-inner" {
		os.Exit(playInner(os.Args[2]))
	}
	os.Exit(m.Run())
}

// playInner is a host inside of a sandbox: it says what it finds and runs one command in each confined mode.
func playInner(dir string) int {
	ctx := context.Background()
	r := Probe(ctx)
	fmt.Printf("backend=%s enforced=%v readOnly=%v why=%v fix=%v\n", r.Backend, r.Enforced, r.ReadOnly, r.Why != "", r.Fix != "")
	for _, mode := range []Mode{ReadOnly, WorkspaceWrite} {
		p, exit, err := Run(ctx, shell(dir, mode, "touch "+dir+"/inner"), time.Second)
		if u := (*UnenforceableError)(nil); errors.As(err, &u) {
			fmt.Printf("%s=unenforceable fix=%v\n", mode, u.Fix != "")
		} else if err != nil {
			fmt.Printf("%s=%v\n", mode, err)
		} else {
			fmt.Printf("%s=ran %d %s\n", mode, exit.Code, text(p.Stdout()))
		}
	}
	return 0
}

// playHost starts one command and waits to be killed.
func playHost(plan string) int {
	f := strings.SplitN(plan, "|", 3)
	p, err := Start(context.Background(), shell(f[1], Mode(f[0]), f[2]))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer p.Close()
	time.Sleep(time.Minute)
	return 1
}

var marks atomic.Int64

// newMark is a number of seconds that nothing else on this machine sleeps.
func newMark() string {
	return fmt.Sprintf("%d.%d", 1_000_000+os.Getpid(), marks.Add(1)+time.Now().UnixNano()%1_000_000*1000)
}

// alive lists the command lines that hold all of the words, supervisors aside.
func alive(words ...string) []string {
	out, err := exec.Command("ps", "-eo", "pid,stat,args").Output()
	if err != nil {
		panic(err)
	}
	var found []string
lines:
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || strings.HasPrefix(f[1], "Z") || words[0] == "sleep" && f[2] != "sleep" {
			continue
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}
