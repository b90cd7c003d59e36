//go:build unix

package mcp_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/codexhost/codexhost/manager/mcp"
	"github.com/codexhost/codexhost/plugins"
	provider "github.com/codexhost/codexhost/plugins/mcp"
)

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// TestPluginIsReplacedUnderCalls: at least 1,000 calls, none of which may be
// repeated, across five replacements of the plugin, one of them by something that
// does not run; not one fails, one that began before them all ends where it began,
// and the replaced processes go when their calls have ended.
func TestPluginIsReplacedUnderCalls(t *testing.T) {
	var s *mcp.Service
	var serving atomic.Uint64
	spec := plugins.Spec{Name: "notes", Kind: provider.Kind, Path: exe(), Args: []string{plugins.RoleArg, "notes"}}
	h, err := plugins.New(plugins.Options{
		Kinds: []plugins.Kind{provider.Contract(nil)}, Specs: []plugins.Spec{spec}, RunDir: shortDir(t),
		OnState: func(st plugins.Status) {
			if before := serving.Swap(st.Generation); before != 0 && st.Generation > before {
				s.Renew(st.Name)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s = mcp.New(mcp.Options{Plugin: func(ctx context.Context, name string) (provider.Provider, error) {
		return plugins.Get[provider.Provider](ctx, h, name)
	}, Env: os.LookupEnv})
	t.Cleanup(func() {
		ctx := within(t, time.Minute)
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := h.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	set := join(t, s, &listener{}, mcp.Server{Name: "notes", Enabled: true, Plugin: "notes"})
	pidNow := func() int { return number(t, direct(t, set, "notes", "pid", `{}`)) }

	first := pidNow()
	gate := filepath.Join(t.TempDir(), "gate")
	long := make(chan string, 1)
	go func() {
		raw, err := set.CallTool(within(t, time.Minute), "notes", "wait", json.RawMessage(`{"path":"`+gate+`"}`), nil)
		if err != nil {
			t.Error(err)
		}
		long <- textOf(raw)
	}()
	var work sync.WaitGroup
	var calls atomic.Int64
	quit := make(chan struct{})
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if _, err := set.CallTool(t.Context(), "notes", "pid", json.RawMessage(`{}`), nil); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	pids := []int{first}
	for n := range 5 {
		before := pids[len(pids)-1]
		want := calls.Load() + 200
		if n == 2 {
			broken := spec
			broken.Args = []string{"/no/plugin"}
			broken.Path, err = exec.LookPath("false")
			if err != nil {
				t.Fatal(err)
			}
			if err := h.Configure(t.Context(), []plugins.Spec{broken}); err == nil {
				t.Error("something that does not run has taken over")
			}
		} else {
			if err := h.Swap(t.Context(), "notes"); err != nil {
				t.Error(err)
			}
			waitFor(t, "the new process", func() bool { return pidNow() != before })
			pids = append(pids, pidNow())
		}
		waitFor(t, "more calls", func() bool { return calls.Load() >= want })
	}
	close(quit)
	work.Wait()
	for _, pid := range pids[1 : len(pids)-1] {
		waitFor(t, "end of a replaced process", func() bool { return !alive(pid) })
	}
	if !alive(first) {
		t.Error("the first process ended under its call")
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-long; got != strconv.Itoa(first) {
		t.Errorf("the long call was answered by %s", got)
	}
	waitFor(t, "end of the first process", func() bool { return !alive(first) })
	t.Logf("%d calls", calls.Load())
}
