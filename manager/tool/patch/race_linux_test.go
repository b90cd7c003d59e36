package patch

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLinkSwappedIn lets somebody replace a folder by a link to another place, and back, all the time: whatever was planned
// for the folder must never be written to the other place.
func TestLinkSwappedIn(t *testing.T) {
	outside := tree(t, map[string]string{"sub/": ""})
	dir := tree(t, map[string]string{"d/sub/": "", "l": "-> " + outside})
	before := snapshot(t, outside)
	swap := func() {
		_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "d"), unix.AT_FDCWD, filepath.Join(dir, "l"), unix.RENAME_EXCHANGE)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			swap()
		}
	}()
	p, err := Parse(wrap("*** Add File: d/sub/new/x\n+1\n"))
	if err != nil {
		t.Fatal(err)
	}
	tried, applied := 0, 0
	for range 20000 {
		if tried == 200 {
			break
		}
		plan, err := p.Plan(dir)
		if err != nil || inside(outside, plan.Targets()) { // the latter is judged as what it is: a write to the other place
			continue
		}
		tried++
		if plan.Apply() == nil {
			applied++
			for _, d := range []string{"d", "l"} { // one of them is the folder
				if r, err := os.OpenRoot(dir); err == nil {
					_ = r.RemoveAll(filepath.Join(d, "sub", "new"))
					r.Close()
				}
			}
		}
	}
	close(stop)
	<-done
	if got := snapshot(t, outside); !same(before, got) {
		t.Errorf("written to the other place: %v, want %v", got, before)
	}
	t.Logf("%d of %d patches applied", applied, tried)
}

func inside(dir string, targets []string) bool {
	for _, target := range targets {
		if _, ok := below(dir, target); ok {
			return true
		}
	}
	return false
}
