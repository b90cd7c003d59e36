package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// line is one line of the transcript: the method, then what matters of the message.
func line(method, note string) string {
	if note == "" {
		return method
	}
	return fmt.Sprintf("%-31s %s", method, clip(note))
}

// clip keeps a note on its line.
func clip(s string) string {
	const most = 150
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// describe says what matters of a message, in a few words. What it does not know
// it leaves to the method's name.
func describe(message any) string {
	switch m := message.(type) {
	case *protocol.InitializeParams:
		return "client " + m.ClientInfo.Name
	case *protocol.InitializeResponse:
		return m.UserAgent
	case *protocol.ThreadStartResponse:
		return fmt.Sprintf("thread %s, model %s of provider %s", m.Thread.ID, m.Model, m.ModelProvider)
	case *protocol.ThreadStartedNotification:
		return "thread " + m.Thread.ID
	case *protocol.ThreadReadResponse:
		return describeTurns(m.Thread.Turns)
	case *protocol.TurnStartParams:
		return fmt.Sprintf("%q", saidIn(m.Input))
	case *protocol.TurnStartResponse:
		return fmt.Sprintf("turn %s, %s", m.Turn.ID, m.Turn.Status)
	case *protocol.TurnCompletedNotification:
		return describeEnd(m.Turn)
	case *protocol.ItemStartedNotification:
		return describeItem(m.Item)
	case *protocol.ItemCompletedNotification:
		return describeItem(m.Item)
	case *protocol.ThreadStatusChangedNotification:
		return tagOf(m.Status)
	case *protocol.McpServerStatusUpdatedNotification:
		return fmt.Sprintf("%s is %s %s", m.Name, m.Status, deref(m.Error))
	case *protocol.ThreadTokenUsageUpdatedNotification:
		return fmt.Sprintf("%d tokens in, %d out", m.TokenUsage.Last.InputTokens, m.TokenUsage.Last.OutputTokens)
	case *protocol.ErrorNotification:
		return m.Error.Message
	case *protocol.WarningNotification:
		return m.Message
	}
	return ""
}

func describeEnd(t protocol.Turn) string {
	s := string(t.Status)
	if t.DurationMs != nil {
		s += fmt.Sprintf(" after %d ms", *t.DurationMs)
	}
	if t.Error != nil {
		s += ": " + t.Error.Message
	}
	return s
}

func describeTurns(turns []protocol.Turn) string {
	var items []string
	for _, t := range turns {
		for _, i := range t.Items {
			items = append(items, tagOf(i))
		}
	}
	return fmt.Sprintf("%d turn: %s", len(turns), strings.Join(items, ", "))
}

func describeItem(item protocol.ThreadItem) string {
	switch i := item.(type) {
	case *protocol.ThreadItemUserMessage:
		return fmt.Sprintf("userMessage %q", saidIn(i.Content))
	case *protocol.ThreadItemAgentMessage:
		return fmt.Sprintf("agentMessage %q", i.Text)
	case *protocol.ThreadItemMcpToolCall:
		s := fmt.Sprintf("mcpToolCall %s/%s %s: %s", i.Server, i.Tool, i.Arguments, i.Status)
		if i.Error != nil {
			s += ", " + i.Error.Message
		}
		if i.Result != nil {
			s += ", " + resultText(i.Result)
		}
		return s
	}
	return tagOf(item)
}

// saidIn is the text of a user's input.
func saidIn(input []protocol.UserInput) string {
	var texts []string
	for _, i := range input {
		if t, ok := i.(*protocol.UserInputText); ok {
			texts = append(texts, t.Text)
		}
	}
	return strings.Join(texts, " ")
}

// resultText is the text of a tool's result.
func resultText(r *protocol.McpToolCallResult) string {
	var texts []string
	for _, raw := range r.Content {
		var part struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if json.Unmarshal(raw, &part) == nil && part.Type == "text" {
			texts = append(texts, part.Text)
		}
	}
	return fmt.Sprintf("%q", strings.Join(texts, " "))
}

// tagOf is the type of a variant of a union.
func tagOf(v any) string {
	b, err := protocol.Append(nil, v)
	if err != nil {
		return ""
	}
	var tagged struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(b, &tagged) != nil {
		return ""
	}
	return tagged.Type
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// pieces shows the deltas of a text as they come, on one line.
type pieces struct {
	out io.Writer
	n   int
}

func (p *pieces) add(method, text string) {
	if p.n == 0 {
		fmt.Fprintf(p.out, "<- %-31s ", method)
	} else {
		fmt.Fprint(p.out, "|")
	}
	p.n++
	fmt.Fprint(p.out, strings.ReplaceAll(text, "\n", " "))
}

// end closes the line, if one is open.
func (p *pieces) end() {
	if p.n > 0 {
		fmt.Fprintf(p.out, "  (%d deltas)\n", p.n)
		p.n = 0
	}
}
