package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/manager/thread"
	"github.com/codexhost/codexhost/rpc/protocol"
)

func TestHandlerPanics(t *testing.T) {
	c := &Connection{log: hclog.NewNullLogger()}
	err := c.guard("some/method", func() error { panic("oh") })
	if e := wireError(err); e.Code != -32603 || e.Message != "internal error in some/method" {
		t.Errorf("a panic is answered with %+v", e)
	}
	if err := c.guard("some/method", func() error { return nil }); err != nil {
		t.Error(err)
	}
}

// Every failure has a code, a text, and in data a kind, whether a retry may
// help, and what to do.
func TestWireErrors(t *testing.T) {
	refusal := &thread.Refusal{Kind: thread.KindThreadBusy, Message: "busy", Remedy: "wait"}
	for _, c := range []struct {
		name string
		err  error
		code int64
		text string
		data string
	}{
		{"refusal", refusal, -32600, "busy", `{"kind":"threadBusy","remedy":"wait","retryable":true}`},
		{"wrapped refusal", fmt.Errorf("starting: %w", refusal), -32600, "starting: busy", `{"kind":"threadBusy","remedy":"wait","retryable":true}`},
		{"refusal without a remedy", &thread.Refusal{Kind: thread.KindInvalidInput, Message: "m"}, -32600, "m", `{"kind":"invalidInput","retryable":false}`},
		{"malformed", &malformed{errors.New("missing field `x`")}, -32600, "Invalid request: missing field `x`", `{"kind":"invalidRequest","remedy":"compare the request with the protocol's schema","retryable":false}`},
		{"invalid params", invalidParams(map[string]any{"max": 7}, "send less", "%d is too much", 8), -32602, "8 is too much", `{"kind":"invalidInput","max":7,"remedy":"send less","retryable":false}`},
		{"declined", declinedError("a/b"), -32601, "a/b is part of the protocol, but this version of codexhost does not serve it", `{"kind":"notSupported","remedy":"do without it, or ask for it in an issue","retryable":false}`},
		{"failure", &thread.Failure{Kind: thread.KindStorage, Remedy: "make room", Err: errors.New("disk full")}, -32603, "disk full", `{"kind":"storage","remedy":"make room","retryable":true}`},
		{"another server's error", &thread.Failure{Kind: thread.KindServerFailed, Code: -32000, Data: []byte(`{"its":"own"}`), Err: errors.New("boom")}, -32000, "boom", `{"its":"own"}`},
		{"not steerable", &thread.NotSteerable{TurnKind: "review"}, -32600, "cannot steer a review turn",
			`{"additionalDetails":null,"codexErrorInfo":{"activeTurnNotSteerable":{"turnKind":"review"}},"kind":"threadBusy","message":"cannot steer a review turn","misalignment":null,"remedy":"wait for the turn's end, or interrupt it","retryable":true}`},
		{"config write", &config.WriteError{Code: config.VersionConflict, Message: "changed"}, -32600, "changed",
			`{"config_write_error_code":"configVersionConflict","kind":"configInvalid","remedy":"read the configuration again and send an edit that fits it","retryable":false}`},
		{"provider", &manager.ProviderError{ID: "p"}, -32600, (&manager.ProviderError{ID: "p"}).Error(),
			`{"kind":"configInvalid","modelProvider":"p","remedy":"define the provider in config.toml, or name another one","retryable":false,"type":"modelProviderNotConfigured"}`},
		{"no turns", manager.ErrNoTurns, -32601, "list_turns is not supported yet", `{"kind":"invalidRequest","remedy":"start a turn first","retryable":false}`},
		{"anything", errors.New("what?"), -32603, "what?", `{"kind":"internal","remedy":"see the log on stderr","retryable":false}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := wireError(c.err)
			if e.Code != c.code || e.Message != c.text || string(e.Data) != c.data {
				t.Errorf("got %d %q %s\nwant %d %q %s", e.Code, e.Message, e.Data, c.code, c.text, c.data)
			}
		})
	}
}

func TestLanesOfRequests(t *testing.T) {
	turn := &protocol.TurnInterruptParams{ThreadID: "t"}
	for _, c := range []struct {
		order  order
		params any
		want   lane
	}{
		{inOrder, turn, connectionLane},
		{apart, turn, alone},
		{onThread, turn, lane{"t"}},
		{ahead, turn, lane{"m t"}},
		{onThread, &protocol.TurnInterruptParams{}, alone},
		{onThread, &protocol.ThreadListParams{}, alone},
	} {
		if got := laneOf("m", c.order, c.params); got != c.want {
			t.Errorf("order %d of %+v: lane %q, want %q", c.order, c.params, got, c.want)
		}
	}
	if r := methods["turn/interrupt"]; r.order != ahead {
		t.Error("an interrupt does not overtake what waits for its thread")
	}
}

func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		l.init()
		var done []string
		put := func(in lane, name string, takes time.Duration) {
			l.run(in, func() {
				time.Sleep(takes)
				l.mu.Lock()
				defer l.mu.Unlock()
				done = append(done, name)
			})
		}
		put(lane{"a"}, "a1", time.Minute)
		put(lane{"a"}, "a2", 0)
		put(lane{"b"}, "b1", time.Second)
		put(lane{"interrupt a"}, "i1", 2*time.Second)
		put(alone, "x1", 4*time.Second)
		put(alone, "x2", 3*time.Second)
		put(lane{"a"}, "a3", 0)
		begin := time.Now()
		l.close()
		if want := []string{"b1", "i1", "x2", "x1", "a1", "a2", "a3"}; !slices.Equal(done, want) {
			t.Errorf("served in the order %v, want %v", done, want)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("lanes wait for each other: %v", took)
		}
		if len(l.queues) != 0 || l.waiting != 0 {
			t.Errorf("left behind: %v, %d", l.queues, l.waiting)
		}
	})
}

// Whoever brings more than may wait is held up until there is room.
func TestLanesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		l.init()
		gate := make(chan struct{})
		for range mostWaiting {
			l.run(lane{"a"}, func() { <-gate })
		}
		entered := false
		go func() {
			l.run(lane{"b"}, func() {})
			entered = true
		}()
		synctest.Wait()
		if entered {
			t.Error("one too many was taken")
		}
		gate <- struct{}{}
		synctest.Wait()
		if !entered {
			t.Error("room is not used")
		}
		close(gate)
		l.close()
	})
}

func TestOverrides(t *testing.T) {
	got, err := overrides(map[string]json.RawMessage{"a": []byte(`9007199254740993`), "b": []byte(`1.5`), "c": []byte(`{"d":[1,"x",true]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if got["a"] != int64(9007199254740993) || got["b"] != 1.5 || fmt.Sprint(got["c"]) != "map[d:[1 x true]]" {
		t.Errorf("%#v", got)
	}
	if got, err := overrides(nil); got != nil || err != nil {
		t.Errorf("%v %v", got, err)
	}
}
