//go:build unix

package rpc_test

import (
	"encoding/json"
	"syscall"
	"testing"
)

// Whoever asked for it hears how plugins come, go and come back; others hear nothing of it.
func TestPluginStatusIsTold(t *testing.T) {
	h := newHost(t)
	curious, other := h.connect(), h.connect()
	curious.call("initialize", `{"clientInfo":{"name":"test","version":"1"},"capabilities":{"extensions":{"codexhost":{"notifications":["codexhost/plugin/statusChanged"]}}}}`, nil)
	other.initialize()
	type plugin struct {
		Name, State string
		PID         int
		Generation  int
		LastError   string
	}
	from := 0
	until := func(want func(p plugin) bool) (found plugin) {
		t.Helper()
		from, _ = curious.await(from, func(m message) bool {
			var p struct{ Plugin plugin }
			if m.Method != "codexhost/plugin/statusChanged" {
				return false
			}
			if err := json.Unmarshal(m.Params, &p); err != nil {
				t.Fatal(err)
			}
			found = p.Plugin
			return found.Name == "skills" && want(found)
		})
		return found
	}
	curious.call("skills/list", `{}`, nil)
	until(func(p plugin) bool { return p.State == "starting" && p.PID == 0 })
	first := until(func(p plugin) bool { return p.State == "ready" && p.PID != 0 })
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(func(p plugin) bool { return p.State != "ready" && p.PID == 0 && p.LastError != "" })
	curious.call("skills/list", `{"forceReload":true}`, nil)
	again := until(func(p plugin) bool { return p.State == "ready" })
	if again.PID == first.PID || again.Generation <= first.Generation {
		t.Errorf("the second process is %+v, the first was %+v", again, first)
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	for _, m := range other.messages {
		if m.Method == "codexhost/plugin/statusChanged" {
			t.Errorf("told somebody who did not ask: %s", m.line)
		}
	}
}
