package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/codexhost/codexhost/rollout"
	"github.com/codexhost/codexhost/rpc/protocol"
)

// A transcript is a thread made ready for people.
type transcript struct {
	ID       string             `json:"id"`
	Name     string             `json:"name,omitempty"`
	Title    string             `json:"title"`
	Model    string             `json:"model,omitempty"`
	Cwd      string             `json:"cwd"`
	Created  time.Time          `json:"createdAt"`
	Updated  time.Time          `json:"updatedAt"`
	ForkOf   string             `json:"forkedFromId,omitempty"`
	Tokens   *rollout.TokenInfo `json:"tokens,omitempty"`
	Turns    []turnText         `json:"turns"`
	Warnings []string           `json:"warnings,omitempty"`
}

type turnText struct {
	ID       string        `json:"id"`
	Status   string        `json:"status"`
	Started  time.Time     `json:"startedAt,omitzero"`
	Duration time.Duration `json:"-"`
	Millis   int64         `json:"durationMs,omitempty"`
	Tokens   int64         `json:"tokens,omitempty"` // of all its requests
	Error    string        `json:"error,omitempty"`
	Entries  []entry       `json:"entries"`
}

// An entry is one thing that was said or done.
type entry struct {
	Kind   string        `json:"kind"` // user, agent, reasoning, command, patch, tool, note
	Title  string        `json:"title,omitempty"`
	Text   string        `json:"text,omitempty"`   // what was said; markdown as it came
	Output string        `json:"output,omitempty"` // what came of it
	Diff   bool          `json:"-"`                // Output is one
	Failed bool          `json:"failed,omitempty"`
	Took   time.Duration `json:"-"`
	Millis int64         `json:"durationMs,omitempty"`
}

// readTranscript reads a thread whole.
func readTranscript(s *rollout.Store, sum rollout.Summary) (*transcript, error) {
	h, err := s.Read(sum.Path)
	if err != nil {
		return nil, err
	}
	turns, err := h.Turns()
	if err != nil {
		return nil, err
	}
	used, err := h.TokensByTurn()
	if err != nil {
		return nil, err
	}
	t := &transcript{ID: h.Meta.ID, Name: sum.Name, Title: sum.Name, Model: h.Model, Cwd: h.Meta.Cwd, Created: h.CreatedAt, Updated: h.UpdatedAt,
		ForkOf: h.Meta.ForkedFromID, Tokens: h.Tokens, Turns: []turnText{}}
	if t.Title == "" {
		t.Title = clip(sum.Preview)
	}
	if t.Title == "" {
		t.Title = "Thread " + t.ID
	}
	for _, turn := range turns {
		text := turnOf(turn, h.Meta.Cwd)
		text.Tokens = used[turn.ID]
		t.Turns = append(t.Turns, text)
	}
	for _, w := range h.Warnings.First {
		t.Warnings = append(t.Warnings, fmt.Sprintf("byte %d of %s: %s", w.Offset, w.Path, w.Reason))
	}
	if n := h.Warnings.Skipped + h.Warnings.Repaired - len(h.Warnings.First); n > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("and %d more", n))
	}
	if id := h.Warnings.MissingBase; id != "" {
		t.Warnings = append(t.Warnings, "it begins with thread "+id+", which is gone")
	}
	return t, nil
}

func turnOf(turn protocol.Turn, cwd string) turnText {
	t := turnText{ID: turn.ID, Status: string(turn.Status), Entries: []entry{}}
	if turn.StartedAt != nil {
		t.Started = time.Unix(*turn.StartedAt, 0)
	}
	if turn.DurationMs != nil {
		t.Millis = *turn.DurationMs
		t.Duration = time.Duration(t.Millis) * time.Millisecond
	}
	if turn.Error != nil {
		t.Error = turn.Error.Message
	}
	for _, item := range turn.Items {
		if e, ok := entryOf(item); ok {
			e.below(cwd)
			e.Took = time.Duration(e.Millis) * time.Millisecond
			t.Entries = append(t.Entries, e)
		}
	}
	return t
}

// entryOf shows an item; ok is false for one that shows nothing.
func entryOf(item protocol.ThreadItem) (e entry, ok bool) {
	switch i := item.(type) {
	case *protocol.ThreadItemUserMessage:
		return entry{Kind: "user", Text: inputText(i.Content)}, true
	case *protocol.ThreadItemAgentMessage:
		return entry{Kind: "agent", Text: i.Text}, i.Text != ""
	case *protocol.ThreadItemReasoning:
		text := strings.TrimSpace(strings.Join(append(i.Summary, i.Content...), "\n\n"))
		return entry{Kind: "reasoning", Text: text}, text != ""
	case *protocol.ThreadItemCommandExecution:
		e = entry{Kind: "command", Title: shellLine(i.Command), Output: value(i.AggregatedOutput), Failed: i.Status != protocol.CommandExecutionStatusCompleted || value(i.ExitCode) != 0, Millis: value(i.DurationMs)}
		if i.ExitCode != nil && *i.ExitCode != 0 {
			e.Text = fmt.Sprintf("exit code %d", *i.ExitCode)
		} else if i.Status != protocol.CommandExecutionStatusCompleted {
			e.Text = string(i.Status)
		}
		return e, true
	case *protocol.ThreadItemFileChange:
		return patchEntry(i), true
	case *protocol.ThreadItemMcpToolCall:
		e = entry{Kind: "tool", Title: i.Server + "." + i.Tool, Text: compact(i.Arguments), Failed: i.Error != nil, Millis: value(i.DurationMs)}
		if i.Error != nil {
			e.Output = i.Error.Message
		} else if i.Result != nil {
			e.Output = contentText(i.Result.Content)
		}
		return e, true
	case *protocol.ThreadItemDynamicToolCall:
		e = entry{Kind: "tool", Title: i.Tool, Text: compact(i.Arguments), Failed: i.Success != nil && !*i.Success, Millis: value(i.DurationMs)}
		for _, c := range i.ContentItems {
			if text, is := c.(*protocol.DynamicToolCallOutputContentItemInputText); is {
				e.Output += text.Text
			}
		}
		return e, true
	case *protocol.ThreadItemPlan:
		return entry{Kind: "note", Title: "Plan", Text: i.Text}, true
	case *protocol.ThreadItemWebSearch:
		return entry{Kind: "tool", Title: "web search", Text: i.Query}, true
	case *protocol.ThreadItemImageView:
		return entry{Kind: "tool", Title: "looked at " + string(i.Path)}, true
	case *protocol.ThreadItemContextCompaction:
		return entry{Kind: "note", Title: "The context was compacted"}, true
	case *protocol.ThreadItemEnteredReviewMode:
		return entry{Kind: "note", Title: "Review", Text: i.Review}, true
	case *protocol.ThreadItemExitedReviewMode:
		return entry{Kind: "note", Title: "Findings of the review", Text: i.Review}, true
	}
	raw, err := protocol.Append(nil, item)
	if err != nil {
		return e, false
	}
	var tag struct{ Type string }
	_ = json.Unmarshal(raw, &tag) // an item that was just written has a type
	return entry{Kind: "tool", Title: tag.Type, Output: string(raw)}, true
}

func patchEntry(i *protocol.ThreadItemFileChange) entry {
	e := entry{Kind: "patch", Diff: true, Failed: i.Status != protocol.PatchApplyStatusCompleted}
	var names []string
	for _, c := range i.Changes {
		names = append(names, c.Path)
		e.Output += patchText(c)
	}
	e.Title = strings.Join(names, ", ")
	if e.Failed {
		e.Text = string(i.Status)
	}
	return e
}

// below shows the files of a patch as they are called in the thread's folder.
func (e *entry) below(cwd string) {
	if e.Kind == "patch" && cwd != "" {
		prefix := strings.TrimSuffix(cwd, "/") + "/"
		e.Title, e.Output = strings.ReplaceAll(e.Title, prefix, ""), strings.ReplaceAll(e.Output, "--- "+prefix, "--- ")
	}
}

// shellLine is what the model wanted run, without the shell around it.
func shellLine(command string) string {
	for _, shell := range []string{"/bin/bash -lc ", "/usr/bin/bash -lc ", "bash -lc ", "/bin/zsh -lc ", "zsh -lc ", "/bin/sh -c ", "sh -c "} {
		inner, found := strings.CutPrefix(command, shell)
		if n := len(inner); found && n > 1 && inner[0] == inner[n-1] && (inner[0] == '\'' && !strings.Contains(inner[1:n-1], "'") || inner[0] == '"' && !strings.ContainsAny(inner[1:n-1], "\"\\")) {
			return inner[1 : n-1]
		} else if found && n > 0 && !strings.ContainsAny(inner, "'\" \\") {
			return inner
		}
	}
	return command
}

// patchText is a change as a diff; one that adds or deletes a whole file has only
// the file's lines.
func patchText(c protocol.FileUpdateChange) string {
	sign := ""
	switch c.Kind.(type) {
	case *protocol.PatchChangeKindAdd:
		sign = "+"
	case *protocol.PatchChangeKindDelete:
		sign = "-"
	}
	out := "--- " + c.Path + "\n"
	for line := range strings.Lines(c.Diff) {
		out += sign + line
	}
	if !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	return out
}

func inputText(in []protocol.UserInput) string {
	var parts []string
	for _, i := range in {
		switch i := i.(type) {
		case *protocol.UserInputText:
			parts = append(parts, i.Text)
		case *protocol.UserInputSkill:
			parts = append(parts, "[skill "+i.Name+"]")
		case *protocol.UserInputLocalImage:
			parts = append(parts, "[image "+string(i.Path)+"]")
		default:
			parts = append(parts, "[attachment]")
		}
	}
	return strings.Join(parts, "\n")
}

// contentText is the text of what an MCP tool returned.
func contentText(content []json.RawMessage) string {
	var parts []string
	for _, raw := range content {
		var c struct{ Type, Text string }
		if json.Unmarshal(raw, &c) == nil && c.Type == "text" {
			parts = append(parts, c.Text)
		} else {
			parts = append(parts, "["+c.Type+"]")
		}
	}
	return strings.Join(parts, "\n")
}

func compact(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return ""
	}
	return string(raw)
}

func value[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

// took is a duration as people read it; empty for none.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
