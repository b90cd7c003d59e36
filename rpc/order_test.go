package rpc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Requests about one thread are served in the order in which they came, however
// many wait, and whatever other threads do meanwhile.
func TestThreadsKeepTheirOrder(t *testing.T) {
	const threads, rounds = 10, 50 // of two requests each: 1,000 calls
	h := newHost(t)
	c := h.connect()
	c.initialize()
	ids := make([]string, threads)
	for i := range ids {
		ids[i] = c.startThread()
	}
	asked := make([][]string, threads) // ids of the requests, by thread
	for round := range rounds {
		for i, thread := range ids {
			set := c.request("thread/name/set", fmt.Sprintf(`{"threadId":%q,"name":"n%d"}`, thread, round))
			read := c.request("thread/read", fmt.Sprintf(`{"threadId":%q}`, thread))
			asked[i] = append(asked[i], set, read)
		}
	}
	answered := make([][]string, threads)
	names := make([][]string, threads)
	for n, at := 0, 0; n < 2*threads*rounds; n++ {
		var m message
		at, m = c.await(at, func(m message) bool { return m.Method == "" && isAsked(asked, string(m.ID)) })
		if m.Error != nil {
			t.Fatalf("%s", m.line)
		}
		i := slices.IndexFunc(asked, func(ids []string) bool { return slices.Contains(ids, string(m.ID)) })
		answered[i] = append(answered[i], string(m.ID))
		var r struct{ Thread struct{ Name string } }
		if err := json.Unmarshal(m.Result, &r); err != nil {
			t.Fatal(err)
		}
		if r.Thread.Name != "" {
			names[i] = append(names[i], r.Thread.Name)
		}
	}
	for i := range ids {
		if !slices.Equal(answered[i], asked[i]) {
			t.Errorf("thread %d was asked %v and answered %v", i, asked[i], answered[i])
		}
		for round, name := range names[i] {
			if want := fmt.Sprintf("n%d", round); name != want {
				t.Fatalf("thread %d was named %s when read behind %s", i, name, want)
			}
		}
	}
}

func isAsked(asked [][]string, id string) bool {
	return slices.ContainsFunc(asked, func(ids []string) bool { return slices.Contains(ids, id) })
}

// Whatever a request causes is told after its answer.
func TestAnswersComeBeforeTheirEffects(t *testing.T) {
	h := newHost(t)
	c := h.connect()
	c.initialize()
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 5 {
				thread := c.startThread()
				turn := c.startTurn(thread, "stall:")
				c.notified("item/completed", turn)
				c.call("turn/steer", fmt.Sprintf(`{"threadId":%q,"expectedTurnId":%q,"input":[{"type":"text","text":"stall:"}],"clientUserMessageId":"steer-%s"}`, thread, turn, turn), nil)
				c.notified("item/completed", "steer-"+turn)
				c.call("turn/interrupt", fmt.Sprintf(`{"threadId":%q,"turnId":%q}`, thread, turn), nil)
				c.notified("turn/completed", turn)
				c.call("thread/settings/update", fmt.Sprintf(`{"threadId":%q,"model":"m-%s"}`, thread, thread), nil)
				c.notified("thread/settings/updated", thread)
				c.call("thread/name/set", fmt.Sprintf(`{"threadId":%q,"name":"x"}`, thread), nil)
				c.notified("thread/name/updated", thread)
				c.call("thread/archive", fmt.Sprintf(`{"threadId":%q}`, thread), nil)
				c.notified("thread/archived", thread)
			}
		})
	}
	work.Wait()
	effects := map[string]string{ // by the method that causes them: what must not come before its answer
		"thread/start": "thread/started", "turn/start": "turn/started", "turn/interrupt": "turn/completed",
		"thread/settings/update": "thread/settings/updated", "thread/name/set": "thread/name/updated", "thread/archive": "thread/archived",
	}
	subject := map[string]string{} // of a request, by its id
	for _, m := range c.history() {
		method := c.asked[string(m.ID)]
		if m.Method == "" && effects[method] != "" {
			subject[effects[method]+subjectOf(t, c, m)] = "answered"
		}
		for _, effect := range effects {
			if m.Method == effect && subject[effect+threadOf(m.Params)] == "" {
				t.Fatalf("told before the answer: %s", m.line)
			}
		}
	}
	steered(t, c)
}

// subjectOf is the thread that an answered request was about: the one it names,
// or the one it made.
func subjectOf(t *testing.T, c *client, m message) string {
	if thread := threadOf(m.Result); thread != "" {
		return thread
	}
	thread := c.about[string(m.ID)]
	if thread == "" {
		t.Fatalf("no thread in %s", m.line)
	}
	return thread
}

// threadOf is the thread that params or a result name.
func threadOf(raw json.RawMessage) string {
	var p struct {
		ThreadID string
		Thread   struct{ ID string }
	}
	_ = json.Unmarshal(raw, &p)
	if p.ThreadID != "" {
		return p.ThreadID
	}
	return p.Thread.ID
}

// steered checks that a steer is answered before its message is told.
func steered(t *testing.T, c *client) {
	answered := map[string]bool{}
	for _, m := range c.history() {
		if m.Method == "" && c.asked[string(m.ID)] == "turn/steer" {
			var r struct{ TurnID string }
			_ = json.Unmarshal(m.Result, &r)
			answered[r.TurnID] = true
		}
		if _, turn, ok := strings.Cut(string(m.Params), `"clientId":"steer-`); ok && m.Method == "item/started" && !answered[turn[:36]] {
			t.Fatalf("told before the answer: %s", m.line)
		}
	}
}

// A client that pipelines is slowed down, never refused, and every request has
// one answer.
func TestPipelining(t *testing.T) {
	const calls = 20_000
	h := newHost(t)
	c := h.connect()
	c.initialize()
	var all bytes.Buffer
	for i := range calls {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&all, `{"id":"p%d","method":"thread/loaded/list","params":{}}`+"\n", i)
		case 1:
			fmt.Fprintf(&all, `{"id":"p%d","method":"no/such","params":{}}`+"\n", i)
		case 2:
			fmt.Fprintf(&all, `{"id":"p%d","method":"turn/interrupt","params":{"threadId":"01990000-0000-7000-8000-000000000000","turnId":"t"}}`+"\n", i)
		case 3:
			fmt.Fprintf(&all, `{"id":"p%d","method":"hooks/list","params":{"cwds":["/"]}}`+"\n", i)
		}
	}
	c.mu.Lock()
	for i := range calls {
		c.asked[fmt.Sprintf(`"p%d"`, i)] = []string{"thread/loaded/list", "", "turn/interrupt", "hooks/list"}[i%4]
	}
	c.mu.Unlock()
	if _, err := io.Copy(c.in, &all); err != nil {
		t.Fatal(err)
	}
	c.hangUp() // the end of input must not cost an answer
	h.clients = nil
	seen := map[string]int{}
	for _, m := range c.history() {
		if m.Method != "" || !strings.HasPrefix(string(m.ID), `"p`) {
			continue
		}
		seen[string(m.ID)]++
		var i int
		if _, err := fmt.Sscanf(string(m.ID), `"p%d"`, &i); err != nil {
			t.Fatal(err)
		}
		if refused := m.Error != nil; refused != (i%4 == 1 || i%4 == 2) || refused && m.Error.Code != -32600 {
			t.Fatalf("request %d is answered with %s", i, m.line)
		}
	}
	for i := range calls {
		if n := seen[fmt.Sprintf(`"p%d"`, i)]; n != 1 {
			t.Fatalf("request %d has %d answers", i, n)
		}
	}
}

// Two clients of one host: both hear a thread they are subscribed to, both are
// asked, and the first answer counts.
func TestTwoClients(t *testing.T) {
	h := newHost(t)
	a, b := h.connect(), h.connect()
	a.initialize()
	b.initialize()
	var started struct{ Thread struct{ ID string } }
	a.call("thread/start", `{"dynamicTools":[{"name":"look","description":"","inputSchema":{}}]}`, &started)
	thread := started.Thread.ID
	a.turn(thread, "say:hello")
	b.notified("thread/status/changed", thread) // announced to all
	if slices.ContainsFunc(b.history(), func(m message) bool {
		return strings.HasPrefix(m.Method, "turn/") || strings.HasPrefix(m.Method, "item/")
	}) {
		t.Error("a client hears turns of a thread it is not subscribed to")
	}
	b.call("thread/resume", fmt.Sprintf(`{"threadId":%q,"excludeTurns":true}`, thread), nil)
	turn := a.startTurn(thread, "call:look {} ;; say:{{output}}")
	first := a.notified("item/tool/call", turn)
	second := b.notified("item/tool/call", turn)
	b.send(fmt.Sprintf(`{"id":%s,"result":{"success":true,"contentItems":[{"type":"inputText","text":"b was first"}]}}`, second.ID))
	for _, c := range []*client{a, b} {
		if m := c.notified("turn/completed", turn); !bytes.Contains(m.Params, []byte("b was first")) {
			t.Errorf("the turn ended with %s", m.Params)
		}
	}
	a.send(fmt.Sprintf(`{"id":%s,"result":{"success":true,"contentItems":[{"type":"inputText","text":"late"}]}}`, first.ID))
	b.call("thread/unsubscribe", fmt.Sprintf(`{"threadId":%q}`, thread), nil)
	turn = a.startTurn(thread, "say:for a alone")
	a.notified("turn/completed", turn)
	b.call("thread/loaded/list", `{}`, nil) // whatever b is told has come before this answer
	if slices.ContainsFunc(b.history(), func(m message) bool { return bytes.Contains(m.Params, []byte(turn)) }) {
		t.Error("a client hears a turn after it unsubscribed")
	}
}

// A client that is asked and goes away leaves the turn to end with what it has.
func TestAskedClientHangsUp(t *testing.T) {
	h := newHost(t)
	a, b := h.connect(), h.connect()
	a.initialize()
	b.initialize()
	var started struct{ Thread struct{ ID string } }
	a.call("thread/start", `{"dynamicTools":[{"name":"look","description":"","inputSchema":{}}]}`, &started)
	turn := a.startTurn(started.Thread.ID, "call:look {} ;; say:{{output}}")
	a.notified("item/tool/call", turn)
	a.hangUp()
	h.clients = h.clients[1:]
	var read struct {
		Thread struct{ Turns []struct{ Status string } }
	}
	for i := 0; i == 0 || read.Thread.Turns[0].Status == "inProgress"; i++ {
		b.call("thread/read", fmt.Sprintf(`{"threadId":%q,"includeTurns":true}`, started.Thread.ID), &read)
	}
	if s := read.Thread.Turns[0].Status; s != "completed" {
		t.Errorf("the turn of a client that went away is %s", s)
	}
}
