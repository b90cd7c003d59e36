package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// newDemoCommand is "codexhost demo", which prints to out.
func newDemoCommand(out io.Writer) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play one session against this program and print it",
		Long: `demo starts this program as an editor would, in a folder of its own, and prints what
goes over the wire: a turn on the built-in offline model that is told by a skill to
call a tool of an MCP server. Then it shows the thread's file and the processes that
took part, and checks that none of them is left. It needs neither key nor network.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			return runDemo(cmd.Context(), out, exe, o)
		},
	}
	c.Flags().StringVar(&o.Server, "server", "", "the example MCP `program`; wordcount beside this one if not given")
	c.Flags().BoolVar(&o.Keep, "keep", false, "leave the demo's folder behind")
	return c
}

// demoOptions say how the demo runs.
type demoOptions struct {
	Server string // the example MCP server; empty: "wordcount" beside the executable
	Keep   bool   // leave the demo's folder behind, to look at
}

const (
	demoLimit  = 60 * time.Second // for the whole demo
	demoAnswer = 15 * time.Second // for the host to answer, to finish a turn, to end
	demoGone   = 2 * time.Second  // for its processes to be gone after it
)

// demoPrompt mentions the skill, and is what the skill's script counts.
const demoPrompt = "$count-words How many words does this sentence have?"

// demoSkill tells any model what to do in words, and the built-in one in its own language.
const demoSkill = `---
name: count-words
description: Counts the words of what the user says, with the wordcount server.
---

# Counting words

Do not count yourself. Call the tool count_words of the MCP server wordcount with
the user's text, and answer with what it returns.

` + "```offline" + `
mcp:wordcount/count_words {"text": "{{prompt}}"}
say:The wordcount server says: {{output}}.
` + "```" + `
`

// runDemo plays one session against exe, started as "exe app-server" with a
// throw-away home, and prints what goes over the wire and what is left of it: the
// rollout, the processes, the exit status. It needs neither key nor network, and
// leaves nothing behind unless it is told to.
func runDemo(ctx context.Context, out io.Writer, exe string, o demoOptions) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	d := &demo{out: out, exe: exe}
	if err := d.prepare(o.Server); err != nil {
		return err
	}
	defer func() {
		if o.Keep {
			d.printf("\nkept: %s\n", d.dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(d.dir))
	}()
	if err := d.play(ctx); err != nil {
		return fmt.Errorf("the demo failed: %w", err)
	}
	return nil
}

// demo is one run: its folder and what the session told so far.
type demo struct {
	out  io.Writer
	exe  string
	dir  string // holds everything below
	host *demoHost

	threadID string
	rollout  string // path
}

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

func (d *demo) home() string      { return filepath.Join(d.dir, "codex-home") }
func (d *demo) workspace() string { return filepath.Join(d.dir, "workspace") }

// prepare makes the folder with a configuration, a skill and a workspace.
func (d *demo) prepare(server string) error {
	if server == "" {
		server = filepath.Join(filepath.Dir(d.exe), "wordcount")
		if runtime.GOOS == "windows" {
			server += ".exe"
		}
	}
	server, err := filepath.Abs(server)
	if err != nil {
		return fmt.Errorf("finding the example server: %w", err)
	}
	if _, err := os.Stat(server); err != nil {
		return fmt.Errorf("the demo's MCP server is not there (%w): `make build` builds it, --server names another", err)
	}
	if d.dir, err = os.MkdirTemp("", "codexhost-demo-"); err != nil {
		return fmt.Errorf("making the demo's folder: %w", err)
	}
	config := fmt.Sprintf("[mcp_servers.wordcount]\ncommand = %q\n", server)
	files := []struct{ path, text string }{
		{filepath.Join(d.home(), "config.toml"), config},
		{filepath.Join(d.home(), "skills", "count-words", "SKILL.md"), demoSkill},
		{filepath.Join(d.workspace(), "README.md"), "A workspace with nothing in it.\n"},
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			return fmt.Errorf("making the demo's folder: %w", err)
		}
		if err := os.WriteFile(f.path, []byte(f.text), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", f.path, err)
		}
	}
	d.printf("The demo's folder is %s. It holds\n", d.dir)
	d.printf("  codex-home/config.toml   an MCP server: command = %q\n", server)
	d.printf("  codex-home/skills/       a skill, count-words, which says to call that server's tool\n")
	return nil
}

// play starts the host, holds the session, shows what it left, and ends it.
func (d *demo) play(ctx context.Context) (err error) {
	d.printf("\n$ %s app-server\n", filepath.Base(d.exe))
	if d.host, err = startDemoHost(d.exe, d.workspace(), d.environ()); err != nil {
		return err
	}
	defer func() {
		d.host.kill() // nothing to do after an orderly end
		if tail := d.host.stderr.String(); err != nil && tail != "" {
			err = fmt.Errorf("%w; the host's stderr ends with:\n%s", err, tail)
		}
	}()
	if err := d.session(ctx); err != nil {
		return err
	}
	took := d.showProcesses()
	if err := d.readBack(ctx); err != nil {
		return err
	}
	if err := d.showRollout(); err != nil {
		return err
	}
	return d.finish(ctx, took)
}

// environ is all that the host sees of the environment: no key, no settings.
func (d *demo) environ() []string {
	env := []string{"CODEX_HOME=" + d.home(), "HOME=" + d.dir, "USERPROFILE=" + d.dir}
	for _, name := range []string{"PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot", "LANG", "CODEXHOST_LOG"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// session is what any client does: introduce itself, start a thread, take a turn.
func (d *demo) session(ctx context.Context) error {
	var hello protocol.InitializeResponse
	err := d.call(ctx, "initialize", &protocol.InitializeParams{ClientInfo: protocol.ClientInfo{Name: "codexhost-demo", Version: version}}, &hello)
	if err != nil {
		return err
	}
	if err := d.host.send(`{"method":"initialized"}`); err != nil {
		return err
	}
	d.printf("-> initialized\n")
	var started protocol.ThreadStartResponse
	if err := d.call(ctx, "thread/start", &protocol.ThreadStartParams{}, &started); err != nil {
		return err
	}
	d.threadID = started.Thread.ID
	if started.Thread.Path == nil {
		return errors.New("thread/start names no rollout")
	}
	d.rollout = *started.Thread.Path
	var turn protocol.TurnStartResponse
	err = d.call(ctx, "turn/start", &protocol.TurnStartParams{ThreadID: d.threadID, Input: []protocol.UserInput{&protocol.UserInputText{Text: demoPrompt}}}, &turn)
	if err != nil {
		return err
	}
	var done protocol.TurnCompletedNotification
	if err := d.await(ctx, "turn/completed", &done); err != nil {
		return err
	}
	if done.Turn.Status != protocol.TurnStatusCompleted {
		return fmt.Errorf("the turn is %s", done.Turn.Status)
	}
	return nil
}

// readBack asks for the thread as it is stored.
func (d *demo) readBack(ctx context.Context) error {
	d.printf("\nThe thread, read back\n")
	include := true
	var read protocol.ThreadReadResponse
	return d.call(ctx, "thread/read", &protocol.ThreadReadParams{ThreadID: d.threadID, IncludeTurns: include}, &read)
}

// call sends a request and shows what comes in until its answer is there.
func (d *demo) call(ctx context.Context, method string, params, result any) error {
	body, err := protocol.Append(nil, params)
	if err != nil {
		return fmt.Errorf("writing %s: %w", method, err)
	}
	d.host.calls++
	if err := d.host.send(fmt.Sprintf(`{"id":%d,"method":%q,"params":%s}`, d.host.calls, method, body)); err != nil {
		return fmt.Errorf("sending %s: %w", method, err)
	}
	d.printf("-> %s\n", line(method, describe(params)))
	answer := fmt.Sprint(d.host.calls)
	m, err := d.until(ctx, method, func(m *demoMessage) bool { return m.Method == "" && string(m.ID) == answer })
	switch {
	case err != nil:
		return err
	case m.Error != nil:
		d.printf("<- %s\n", line(method, fmt.Sprintf("error %d: %s", m.Error.Code, m.Error.Message)))
		return fmt.Errorf("%s was refused: %s", method, m.Error.Message)
	}
	if err := protocol.Decode(m.Result, result); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", method, err)
	}
	d.printf("<- %s\n", line(method, describe(result)))
	return nil
}

// await shows what comes in until a notification is there.
func (d *demo) await(ctx context.Context, method string, params any) error {
	m, err := d.until(ctx, method, func(m *demoMessage) bool { return m.Method == method })
	if err != nil {
		return err
	}
	if err := protocol.Decode(m.Params, params); err != nil {
		return fmt.Errorf("reading %s: %w", method, err)
	}
	d.printf("<- %s\n", line(method, describe(params)))
	return nil
}

// until takes messages, shows all but the one that is waited for, and returns that.
func (d *demo) until(ctx context.Context, what string, wanted func(*demoMessage) bool) (*demoMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, demoAnswer, fmt.Errorf("no %s within %v", what, demoAnswer))
	defer cancel()
	text := pieces{out: d.out}
	defer text.end()
	for {
		m, err := d.host.receive(ctx)
		if err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", what, err)
		}
		if m.Method == "item/agentMessage/delta" {
			var p protocol.AgentMessageDeltaNotification
			if err := protocol.Decode(m.Params, &p); err != nil {
				return nil, fmt.Errorf("reading %s: %w", m.Method, err)
			}
			text.add(m.Method, p.Delta)
			continue
		}
		text.end()
		if wanted(m) {
			return m, nil
		}
		if err := d.other(m); err != nil {
			return nil, err
		}
	}
}

// other shows a message that nobody waits for. A question gets no for an answer.
func (d *demo) other(m *demoMessage) error {
	switch {
	case m.Method == "":
		return fmt.Errorf("an answer to nothing: id %s", m.ID)
	case m.ID != nil:
		d.printf("<- %s\n", line(m.Method, "a question; the demo answers none"))
		return d.host.send(fmt.Sprintf(`{"id":%s,"error":{"code":-32601,"message":"the demo answers no questions"}}`, m.ID))
	}
	note := ""
	if row, ok := protocol.ServerNotification(m.Method); ok && row.Params != nil {
		p := row.Params()
		if err := protocol.Decode(m.Params, p); err != nil {
			return fmt.Errorf("reading %s: %w", m.Method, err)
		}
		note = describe(p)
	}
	d.printf("<- %s\n", line(m.Method, note))
	return nil
}

// showRollout tells where the thread is stored, and how.
func (d *demo) showRollout() error {
	const shown = 20
	file, err := os.Open(d.rollout)
	if err != nil {
		return fmt.Errorf("reading the rollout: %w", err)
	}
	defer file.Close()
	name, err := filepath.Rel(d.dir, d.rollout)
	if err != nil || strings.HasPrefix(name, "..") {
		name = d.rollout
	}
	d.printf("\nThe rollout, %s\n", name)
	r := bufio.NewReader(file)
	for n := 0; ; n++ {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if n > shown {
				d.printf("  ... %d lines in all\n", n)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the rollout: %w", err)
		}
		if n < shown {
			d.printf("  %s\n", recordKind(text))
		}
	}
}

// recordKind names a rollout's line: its type, its payload's, its item's, and how its text begins.
func recordKind(text []byte) string {
	var record struct {
		Type    string `json:"type"`
		Payload struct {
			Type    string `json:"type"`
			Role    string `json:"role"`
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
			Item struct {
				Type string `json:"type"`
			} `json:"item"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(text, &record); err != nil {
		return "(a line that is no record)"
	}
	p := record.Payload
	kind := strings.Join(strings.Fields(record.Type+" "+p.Type+" "+p.Role+p.Item.Type), " ")
	if len(p.Content) > 0 {
		return fmt.Sprintf("%-33s %.60s", kind, strings.Join(strings.Fields(p.Content[0].Text), " "))
	}
	return kind
}

// finish ends the input, and waits for the host and everything it started to be gone.
func (d *demo) finish(ctx context.Context, took []process) error {
	d.printf("\nEnd of input\n")
	ctx, cancel := context.WithTimeout(ctx, demoAnswer)
	defer cancel()
	start := time.Now()
	code, err := d.host.end(ctx)
	if err != nil {
		return err
	}
	d.printf("  exit status %d after %v\n", code, time.Since(start).Round(time.Millisecond))
	if code != 0 {
		return fmt.Errorf("the host ended with status %d", code)
	}
	if len(took) == 0 {
		return nil
	}
	if left := waitGone(took, demoGone); len(left) > 0 {
		return fmt.Errorf("left behind: %v", left)
	}
	d.printf("  none of the %d processes is left\n", len(took))
	return nil
}
