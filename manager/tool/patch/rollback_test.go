package patch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestRollback has every step of carrying out a plan fail in turn.
func TestRollback(t *testing.T) {
	const text = "*** Add File: n/e/w\n+1\n*** Update File: a\n@@\n-1\n+2\n*** Delete File: d\n*** Update File: m\n*** Move to: o/m\n@@\n-1\n+2\n" +
		"*** Update File: c\n*** Move to: over\n@@\n-1\n+2\n*** Add File: last\n+1\n"
	for stage, steps := 0, 0; stage < 4; stage++ {
		for fail := range 6 {
			dir := tree(t, map[string]string{"a": "1\n", "d": "1\n", "m": "1\n", "c": "1\n", "over": "old\n", "o/x": "1\n"})
			before := snapshot(t, dir)
			p, err := Parse(wrap(text))
			if err != nil {
				t.Fatal(err)
			}
			plan, err := p.Plan(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := plan.failing(stage, fail); err == nil {
				continue
			} else if !errors.Is(err, errTest) {
				t.Fatal(err)
			}
			steps++
			if got := snapshot(t, dir); !same(before, got) {
				t.Errorf("stage %d, step %d: got %v\nwant %v", stage, fail, got, before)
			}
		}
		if stage == 3 && steps < 20 {
			t.Errorf("only %d failures", steps)
		}
	}
}

var errTest = errors.New("failing for a test")

// failing is Apply that fails before one step of one stage.
func (pl *Plan) failing(stage, step int) error {
	w := newWriter()
	defer w.close()
	for i, do := range w.stages() {
		for j, s := range pl.steps {
			err := errTest
			if i != stage || j != step {
				err = do(s)
			}
			if err != nil {
				w.rollback()
				return err
			}
		}
	}
	w.finish()
	return nil
}

func TestNothingIsLeftBehind(t *testing.T) {
	dir := tree(t, map[string]string{"a": "1\n", "d": "1\n", "m": "1\n"})
	if _, err := run(wrap("*** Update File: a\n@@\n-1\n+2\n*** Delete File: d\n*** Update File: m\n*** Move to: a/../n\n@@\n-1\n+2\n"), dir); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestReplacedAtOnce reads a file all the time while it is patched: it must always be there, whole.
func TestReplacedAtOnce(t *testing.T) {
	dir := tree(t, map[string]string{"f": "0\n"})
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if content, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || len(content) < 2 {
				done <- fmt.Errorf("read %q, %v", content, err)
				return
			}
		}
	}()
	for i := range 200 {
		if _, err := run(wrap(fmt.Sprintf("*** Update File: f\n@@\n-%d\n+%d\n", i, i+1)), dir); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
