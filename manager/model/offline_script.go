package model

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// OfflineModel is the slug of the built-in model.
const OfflineModel = "offline"

// OfflineGrammar documents what steers the offline model; it is meant to be shown to users.
const OfflineGrammar = `The offline model does what the last user message says:

  say:TEXT                 answers TEXT
  think:TEXT               reasons (a summary), then goes on; rawthink:TEXT shows raw reasoning
  deltas:N [SIZE]          answers with N deltas of SIZE bytes
  slow:MS TEXT             answers TEXT five times, MS milliseconds apart
  exec:CMD                 runs a shell command with whichever shell tool is offered
  patch:PATH [TEXT]        adds the file PATH; patch:*** Begin Patch... applies a whole patch
  call:NAME JSON           calls the tool NAME with these arguments (NAMESPACE/NAME for a namespaced one)
  mcp:SERVER/TOOL JSON     calls a tool of an MCP server, however the host spells it
  fail:CODE                fails with that HTTP status
  failed:CODE TEXT         fails inside the stream with that error code
  failstream:              the stream breaks off
  stall:                   says nothing until it is interrupted

  A ;; B ;; C              a chain: what follows a tool call runs when its output is back
  A ||| B                  several tool calls at once

Any other text is answered with a short note. With an output schema the note is a minimal
value of that schema.

In a chain, {{prompt}} is the user's message and {{output}} the last tool output ({{outputs}}:
all of them), quoted as the place needs: as JSON text inside JSON, as one word in a command.

A skill can hold a script too. When the user's message is none itself and a skill is injected
whose text has lines that start with "offline:", or a fenced block of the kind "offline", these
lines are the chain, one step each ({{prompt}} is then the message without the mention of the
skill):

  ` + "```offline" + `
  mcp:greeter/greet {"name": "{{prompt}}"}
  say:The greeter says: {{output}}
  ` + "```" + `
`

// step is one action of a response.
type step interface{ run(p *player) }

type sayStep struct {
	pieces []string
	wait   time.Duration
}

func (s sayStep) run(p *player) { p.message(s.pieces, s.wait) }

type thinkStep struct {
	words string
	raw   bool
}

func (s thinkStep) run(p *player) { p.think(s.words, s.raw) }

type callStep struct{ call call }

func (s callStep) run(p *player) { p.call(s.call) }

type failStep struct{ err *Error }

func (s failStep) run(p *player) { p.failed = s.err }

// stallStep waits for the end of the context, or for as long as a provider would.
type stallStep struct{}

func (stallStep) run(p *player) {
	if sleep(p.ctx, defaultIdleTimeout) == nil {
		p.failed = idleTimeout()
	}
}

// script is what to do in this response.
func script(r *Request, h *history) []step {
	lines, prompt := strings.Split(h.prompt, " ;; "), h.prompt
	if !scripted(h.prompt) {
		lines, prompt = skillScript(h)
	}
	if len(lines) == 0 {
		return []step{sayStep{pieces: note(r, h)}}
	}
	w := writer{h: h, prompt: prompt, tools: offeredTools(r.Tools)}
	return w.response(lines)
}

// verbs are the words before the colon that make a text a script.
var verbs = [...]string{"say", "think", "rawthink", "deltas", "slow", "exec", "patch", "patchraw", "call", "mcp", "tool", "fail", "failed", "failstream", "stall"}

func verbOf(line string) (verb, arg string, ok bool) {
	verb, arg, found := strings.Cut(line, ":")
	for _, v := range verbs {
		if v == verb && (found || v == "failstream" || v == "stall") {
			return verb, arg, true
		}
	}
	return "", line, false
}

func scripted(text string) bool {
	_, _, ok := verbOf(strings.TrimLeft(text, " \t\r\n"))
	return ok
}

func isCall(verb string) bool {
	switch verb {
	case "exec", "patch", "patchraw", "call", "mcp", "tool":
		return true
	}
	return false
}

// writer turns script lines into the steps of one response.
type writer struct {
	h      *history
	prompt string
	tools  offered
}

// response skips the lines whose calls were made, then takes lines up to and with the next calls.
// When none is left, the last answer tells what came back.
func (w *writer) response(lines []string) (steps []step) {
	made := 0
	for _, line := range lines {
		line = strings.TrimLeft(line, " \t\r\n")
		parts := strings.Split(line, " ||| ")
		verb, _, _ := verbOf(parts[0])
		if !isCall(verb) {
			if made >= w.h.calls {
				steps = append(steps, w.step(line))
			}
			continue
		}
		if made += len(parts); made <= w.h.calls {
			steps = nil
			continue
		}
		for _, part := range parts {
			steps = append(steps, w.step(strings.TrimLeft(part, " ")))
		}
		return steps
	}
	if len(steps) == 0 {
		steps = append(steps, sayStep{pieces: []string{w.closing(len(lines))}})
	}
	return steps
}

func (w *writer) closing(lines int) string {
	if lines > 1 || len(w.h.outputs) == 0 {
		return "done"
	}
	return "done: " + w.h.outputs[len(w.h.outputs)-1]
}

func (w *writer) step(line string) step {
	verb, arg, ok := verbOf(line)
	if !ok {
		return sayStep{pieces: []string{w.fill(line, plain)}}
	}
	switch verb {
	case "say":
		return sayStep{pieces: words(w.fill(arg, plain))}
	case "think", "rawthink":
		return thinkStep{w.fill(arg, plain), verb == "rawthink"}
	case "deltas":
		return deltas(arg)
	case "slow":
		return slow(w.fill(arg, plain))
	case "fail":
		return fail(arg)
	case "failed":
		return failed(arg)
	case "failstream":
		return failStep{disconnected(textClosed, nil)}
	case "stall":
		return stallStep{}
	}
	return w.callStep(verb, arg)
}

func (w *writer) callStep(verb, arg string) step {
	switch verb {
	case "exec":
		return callStep{w.tools.shell(w.fill(arg, shellWord))}
	case "patch":
		return callStep{w.tools.patch(patchText(w.fill(arg, plain)))}
	case "patchraw":
		var patch string
		if json.Unmarshal([]byte(arg), &patch) != nil {
			patch = arg
		}
		return callStep{w.tools.patch(patch)}
	}
	name, args, _ := strings.Cut(strings.TrimLeft(arg, " "), " ")
	args = w.fill(args, insideJSON)
	if verb == "call" {
		return callStep{w.tools.named(name, args)}
	}
	server, tool, _ := strings.Cut(name, "/")
	return callStep{w.tools.mcp(server, tool, args)}
}

// patchText is the patch that adds a file, unless arg is a patch already.
func patchText(arg string) string {
	arg = strings.TrimLeft(arg, " ")
	if strings.HasPrefix(arg, "*** Begin Patch") {
		return arg
	}
	path, content, ok := strings.Cut(arg, " ")
	if !ok {
		content = "hello from patch"
	}
	return "*** Begin Patch\n*** Add File: " + strings.TrimSpace(path) + "\n+" + strings.ReplaceAll(content, "\n", "\n+") + "\n*** End Patch\n"
}

func deltas(arg string) step {
	const mostDeltas, mostSize = 1_000_000, 1 << 20
	f := strings.Fields(arg)
	n, size := 1, 0
	if len(f) > 0 {
		n, _ = strconv.Atoi(f[0])
	}
	if len(f) > 1 {
		size, _ = strconv.Atoi(f[1])
	}
	n, size = min(max(n, 0), mostDeltas), min(size, mostSize)
	pieces := make([]string, n)
	for i := range pieces {
		s := "w" + strconv.Itoa(i) + " "
		if size > len(s) {
			s = s[:len(s)-1] + strings.Repeat("w", size-len(s)) + " "
		}
		pieces[i] = s
	}
	return sayStep{pieces: pieces}
}

func slow(arg string) step {
	ms, rest, _ := strings.Cut(strings.TrimLeft(arg, " "), " ")
	n, _ := strconv.Atoi(ms)
	return sayStep{pieces: []string{rest, rest, rest, rest, rest}, wait: time.Duration(min(max(n, 0), 60_000)) * time.Millisecond}
}

func fail(arg string) step {
	code, _, _ := strings.Cut(strings.TrimSpace(arg), " ")
	status, _ := strconv.Atoi(code)
	if status < 300 || status > 599 {
		status = http.StatusInternalServerError
	}
	return failStep{httpFailure(status, http.Header{}, []byte(`{"error":{"message":"scripted failure","type":"scripted","code":"scripted"}}`), "offline:", time.Time{})}
}

func failed(arg string) step {
	code, message, _ := strings.Cut(strings.TrimLeft(arg, " "), " ")
	raw := append([]byte(`{"error":{"code":`), quoted(code)...)
	raw = append(append(raw, `,"message":`...), quoted(message)...)
	return failStep{responseFailed(append(raw, `}}`...))}
}

// words cuts a text into deltas, as a model's tokens would.
func words(s string) []string {
	var out []string
	for len(s) > 0 {
		i := strings.IndexByte(s[1:], ' ')
		if i < 0 || len(out) >= 4096 {
			return append(out, s)
		}
		out, s = append(out, s[:i+1]), s[i+1:]
	}
	return out
}
