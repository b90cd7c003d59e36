// Package mcptest is an MCP server for tests: small, written by hand against
// the protocol and not against an SDK, and able to misbehave in the ways that
// real servers do. A test binary runs it when it is started with Arg.
//
// It imports the standard library only and is not linked into any program.
package mcptest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Arg is the first argument of a test binary that is to be the server; the
// words that follow say how it behaves. Before the handshake:
//
//	slow=DURATION   answers initialize late
//	meet=DIR:N      answers it when N servers have met in DIR
//	mute            never answers it
//	refuse          answers it with an error
//	exit=N          exits before it
//	banner          writes lines that are no messages first
//	babble          writes nothing but such lines, for ever
//	blind           does not read at all
//	deaf            ignores signals and the end of its stdin
//
// and in general:
//
//	log=FILE        appends "start PID", "cancelled ID" and "end" to FILE
//	tools=a,b       offers only these
//	pages           lists one tool a page
//	cursors=KIND    pages for ever: KIND is same, circle or new
//	many=N          has N tools more
//	name=NAME       is called so
const Arg = "__mcp_test_server"

// Main runs the server if args, the command line without the program, ask for
// it, and returns false otherwise.
func Main(args []string) bool {
	if len(args) == 0 || args[0] != Arg {
		return false
	}
	words := map[string]string{}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		words[name] = value
	}
	s := &server{words: words, out: bufio.NewWriter(os.Stdout), asked: map[string]chan json.RawMessage{}}
	s.run(os.Stdin)
	return true
}

type server struct {
	words map[string]string

	outMu sync.Mutex
	out   *bufio.Writer

	mu     sync.Mutex
	asked  map[string]chan json.RawMessage
	serial int
	extra  []string // tools added while running
}

func (s *server) has(word string) bool { _, ok := s.words[word]; return ok }

func (s *server) log(format string, args ...any) {
	if s.words["log"] == "" {
		return
	}
	f, err := os.OpenFile(s.words["log"], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintf(f, format+"\n", args...)
		f.Close()
	}
}

// line writes one line.
func (s *server) line(text string) {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	s.out.WriteString(text)
	s.out.WriteByte('\n')
	s.out.Flush()
}

func (s *server) send(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	s.line(string(b))
}

type obj = map[string]any

type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

func (s *server) answer(id json.RawMessage, result any) {
	s.send(obj{"jsonrpc": "2.0", "id": id, "result": result})
}

func (s *server) fail(id json.RawMessage, code int, text string) {
	s.send(obj{"jsonrpc": "2.0", "id": id, "error": obj{"code": code, "message": text, "data": obj{"why": text}}})
}

func (s *server) run(in io.Reader) {
	s.log("start %d", os.Getpid())
	s.begin()
	r := bufio.NewReaderSize(in, 1<<20)
	for {
		text, err := r.ReadBytes('\n')
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(text, &m) != nil {
			continue
		}
		switch {
		case m.Method == "":
			s.mu.Lock()
			if c := s.asked[string(m.ID)]; c != nil {
				c <- m.Result
			}
			s.mu.Unlock()
		case m.Method == "notifications/cancelled":
			var p struct{ RequestID json.RawMessage }
			_ = json.Unmarshal(m.Params, &p)
			s.log("cancelled %s", p.RequestID)
		case m.ID == nil:
		default:
			go s.handle(m)
		}
	}
	s.log("end")
	if s.has("deaf") {
		select {}
	}
}

// begin misbehaves before the handshake.
func (s *server) begin() {
	if s.has("deaf") {
		ignoreSignals()
	}
	if s.has("blind") {
		select {}
	}
	if s.has("banner") {
		s.line("Welcome to my server!\n\n  [info] ready {\"id\":1}")
	}
	if n, ok := s.words["exit"]; ok {
		fmt.Fprintln(os.Stderr, "cannot find my settings")
		code, _ := strconv.Atoi(n)
		os.Exit(code)
	}
	if s.has("babble") {
		for {
			s.line("y")
		}
	}
}

func (s *server) handle(m message) {
	switch m.Method {
	case "initialize":
		s.initialize(m)
	case "tools/list":
		s.listTools(m)
	case "tools/call":
		var p struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
			Meta      json.RawMessage `json:"_meta"`
		}
		_ = json.Unmarshal(m.Params, &p)
		s.call(m.ID, p.Name, p.Arguments, p.Meta)
	case "resources/list":
		if s.has("cursors") {
			var p struct{ Cursor string }
			_ = json.Unmarshal(m.Params, &p)
			s.answer(m.ID, obj{"resources": []obj{{"uri": "test://note", "name": "note"}}, "nextCursor": s.next(p.Cursor)})
			return
		}
		s.answer(m.ID, obj{"resources": []obj{{"uri": "test://note", "name": "note", "x-own": 1}, {"uri": "test://blob", "name": "blob"}}})
	case "resources/templates/list":
		s.answer(m.ID, obj{"resourceTemplates": []obj{{"uriTemplate": "test://item/{id}", "name": "item"}}})
	case "resources/read":
		var p struct{ URI string }
		_ = json.Unmarshal(m.Params, &p)
		if p.URI != "test://note" {
			s.fail(m.ID, -32002, "Resource not found")
			return
		}
		s.answer(m.ID, obj{"contents": []obj{{"uri": p.URI, "text": "a note"}}})
	case "ping":
		s.answer(m.ID, obj{})
	default:
		s.fail(m.ID, -32601, "no "+m.Method)
	}
}

func (s *server) initialize(m message) {
	if d, err := time.ParseDuration(s.words["slow"]); err == nil {
		<-time.After(d)
	}
	if dir, count, ok := strings.Cut(s.words["meet"], ":"); ok {
		meet(dir, count)
	}
	switch {
	case s.has("mute"):
		return
	case s.has("refuse"):
		s.fail(m.ID, -32603, "not today")
		return
	}
	var p struct {
		ProtocolVersion string
		Capabilities    json.RawMessage
		ClientInfo      json.RawMessage
	}
	_ = json.Unmarshal(m.Params, &p)
	s.log("initialize %s %s %s", p.ProtocolVersion, p.Capabilities, p.ClientInfo)
	name := s.words["name"]
	if name == "" {
		name = "test-server"
	}
	s.answer(m.ID, obj{
		"protocolVersion": p.ProtocolVersion, "instructions": "Use the test tools.",
		"capabilities": obj{"tools": obj{"listChanged": true}, "resources": obj{}, "x-own": obj{"a": 1}},
		"serverInfo":   obj{"name": name, "title": "Test Server", "version": "1.0", "x-own": true},
	})
}

// meet waits until that many servers have come to dir.
func meet(dir, count string) {
	n, _ := strconv.Atoi(count)
	_ = os.WriteFile(filepath.Join(dir, strconv.Itoa(os.Getpid())), nil, 0o600)
	for {
		if all, err := os.ReadDir(dir); err != nil || len(all) >= n {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (s *server) tools() []string {
	names := []string{
		"echo", "env", "pid", "crash", "exit", "hang", "big", "stderr", "garbage", "weird", "structured", "image",
		"fail", "error", "ask", "ask_url", "progress", "spawn", "bad", "grow", "shrink", "write", "sleep", "meta",
	}
	if only, ok := s.words["tools"]; ok {
		names = strings.Split(only, ",")
	}
	many, _ := strconv.Atoi(s.words["many"])
	for i := range many {
		names = append(names, "tool_"+strconv.Itoa(i))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(names, s.extra...)
}

// next is the cursor after one of the kind of cursors that never end.
func (s *server) next(cursor string) string {
	switch s.words["cursors"] {
	case "same":
		return "again"
	case "circle":
		return map[string]string{"": "a", "a": "b", "b": "a"}[cursor]
	}
	n, _ := strconv.Atoi(cursor)
	return strconv.Itoa(n + 1)
}

func (s *server) listTools(m message) {
	all := make([]obj, 0, 24)
	for _, name := range s.tools() {
		t := obj{
			"name": name, "description": "Does " + name + ".", "x-own": obj{"kept": true},
			"inputSchema": obj{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": obj{"text": obj{"type": "string"}}},
			"annotations": obj{"readOnlyHint": true},
		}
		if name == "write" {
			t["annotations"] = obj{"destructiveHint": true}
		}
		all = append(all, t)
	}
	var p struct{ Cursor string }
	_ = json.Unmarshal(m.Params, &p)
	switch {
	case s.has("cursors"):
		s.answer(m.ID, obj{"tools": all, "nextCursor": s.next(p.Cursor)})
		return
	case !s.has("pages"):
		s.answer(m.ID, obj{"tools": all, "_meta": obj{"stamp": 7}})
		return
	}
	at, _ := strconv.Atoi(p.Cursor)
	page := obj{"tools": all[at : at+1]}
	if at+1 < len(all) {
		page["nextCursor"] = strconv.Itoa(at + 1)
	}
	s.answer(m.ID, page)
}

type arguments struct {
	Text    string        `json:"text"`
	Bytes   int           `json:"bytes"`
	Seconds float64       `json:"seconds"`
	Session bool          `json:"session"`
	Sleep   time.Duration `json:"sleep"`
}

func text(t string) obj { return obj{"content": []obj{{"type": "text", "text": t}}} }

func (s *server) call(id json.RawMessage, name string, raw, meta json.RawMessage) {
	var a arguments
	_ = json.Unmarshal(raw, &a)
	switch name {
	case "echo":
		s.answer(id, text(a.Text))
	case "env":
		s.answer(id, text(strings.Join(os.Environ(), "\n")))
	case "pid":
		s.answer(id, text(strconv.Itoa(os.Getpid())))
	case "meta":
		s.answer(id, text(string(meta)))
	case "hang":
		s.log("hangs %s", id)
	case "sleep":
		<-time.After(time.Duration(a.Seconds * float64(time.Second)))
		s.answer(id, text("slept"))
	case "crash":
		fmt.Fprintln(os.Stderr, "panic: I cannot go on")
		os.Exit(3)
	case "exit":
		s.answer(id, text("bye"))
		os.Exit(0)
	case "fail":
		s.answer(id, obj{"isError": true, "content": []obj{{"type": "text", "text": "it failed"}}})
	case "error":
		s.fail(id, -32000, "boom")
	case "write":
		s.answer(id, text("written"))
	case "progress":
		var m struct{ ProgressToken json.RawMessage }
		_ = json.Unmarshal(meta, &m)
		for i := range 3 {
			if a.Seconds > 0 {
				<-time.After(time.Duration(a.Seconds / 3 * float64(time.Second)))
			}
			s.send(obj{"jsonrpc": "2.0", "method": "notifications/progress", "params": obj{"progressToken": m.ProgressToken, "progress": i, "total": 3}})
		}
		s.answer(id, text("done"))
	case "grow":
		s.mu.Lock()
		s.extra = append(s.extra, "grown")
		s.mu.Unlock()
		s.send(obj{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
		s.send(obj{"jsonrpc": "2.0", "method": "notifications/resources/list_changed"})
		s.answer(id, text("grown"))
	case "shrink":
		s.mu.Lock()
		s.extra = nil
		s.mu.Unlock()
		s.send(obj{"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
		s.answer(id, text("shrunk"))
	case "grown":
		s.answer(id, text("at last"))
	case "ask", "ask_url":
		s.ask(id, name)
	case "spawn":
		s.spawn(id, a.Session)
	default:
		s.odd(id, name, a)
	}
}

// odd is the tools whose results are.
func (s *server) odd(id json.RawMessage, name string, a arguments) {
	switch name {
	case "big":
		s.line(`{"jsonrpc":"2.0","id":` + string(id) + `,"result":{"content":[{"type":"text","text":"` + strings.Repeat("b", a.Bytes) + `"}]}}`)
	case "stderr":
		line := strings.Repeat("e", 1023) + "\n"
		for range a.Bytes / len(line) {
			os.Stderr.WriteString(line)
		}
		fmt.Fprintln(os.Stderr, "the last line")
		s.answer(id, text("flooded"))
	case "garbage":
		s.line("this is not json\n\x00\xff{{{\n[]\nnull\n\"x\"\n42\n{\"id\":\n" + strings.Repeat("x", 100_000))
		s.line(`{"jsonrpc":"2.0","id":987654321,"result":{}}`)
		s.answer(id, text("after garbage"))
	case "weird":
		s.line(`{"result":{"x-top":[1,2.50],"content":[{"type":"hologram","x":"<&>"},{"type":"text","text":"t","x-own":{"b":1,"a":2}}]},"id":` + string(id) + `,"jsonrpc":"2.0"}`)
	case "structured":
		s.answer(id, obj{"content": []obj{{"type": "text", "text": `{"n":7}`}}, "structuredContent": obj{"n": 7}})
	case "image":
		s.answer(id, obj{"content": []obj{{"type": "image", "data": "AAAA", "mimeType": "image/png"}}})
	case "bad":
		s.line(`{"jsonrpc":"2.0","id":` + string(id) + `,"result":{"content":[nonsense]}}`)
	default:
		s.fail(id, -32602, "no tool "+name)
	}
}

// ask asks the user and returns what came back.
func (s *server) ask(id json.RawMessage, name string) {
	params := obj{"message": "What is your name?", "requestedSchema": obj{
		"type": "object", "properties": obj{"name": obj{"type": "string", "x-own": 1}}, "required": []string{"name"},
	}}
	if name == "ask_url" {
		params = obj{"mode": "url", "message": "Please sign in.", "url": "https://example.com/sign-in", "elicitationId": "el-1"}
	}
	s.mu.Lock()
	s.serial++
	q := fmt.Sprintf("q%d", s.serial)
	key := strconv.Quote(q)
	c := make(chan json.RawMessage, 1)
	s.asked[key] = c
	s.mu.Unlock()
	s.send(obj{"jsonrpc": "2.0", "id": q, "method": "elicitation/create", "params": params})
	s.answer(id, text("answer: "+string(<-c)))
}

// spawn leaves a grandchild, in a session of its own if asked.
func (s *server) spawn(id json.RawMessage, session bool) {
	c := exec.Command("sleep", "300")
	if session {
		c.SysProcAttr = ownSession()
	}
	if err := c.Start(); err != nil {
		s.fail(id, -32603, err.Error())
		return
	}
	s.answer(id, text(strconv.Itoa(c.Process.Pid)))
}
