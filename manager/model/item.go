package model

import (
	"encoding/json"
	"errors"
	"strings"
)

// ItemHead is what a response item is, without its contents.
type ItemHead struct {
	Type      string // "message", "reasoning", "function_call", "custom_tool_call", ...
	ID        string
	Role      string // of a message
	Name      string // of a call
	Namespace string // of a call, "" when the name is plain
	CallID    string
	Phase     string // of a message: "commentary", "final_answer" or ""
	Status    string
}

// Item is a response item read as far as a turn needs it. Raw is the item itself; types without
// members here have only their head and Raw.
type Item struct {
	ItemHead
	Arguments string   // function_call: JSON text, unchecked
	Input     string   // custom_tool_call
	Text      string   // message: its text parts joined
	Summary   []string // reasoning: summary parts
	Reasoning []string // reasoning: raw text parts, if the model shows them
	Output    string   // *_output: text parts joined
	Raw       json.RawMessage
}

var errNoItem = errors.New("a response item must be a JSON object")

// ParseItem reads a response item. It fails only if raw is no JSON object; a member of an
// unexpected type is read as absent.
func ParseItem(raw json.RawMessage) (Item, error) {
	it := Item{Raw: raw}
	o, ok := openObject(raw)
	if !ok {
		return it, errNoItem
	}
	var content []byte
	for {
		key, val, more := o.next()
		if !more {
			break
		}
		if it.ItemHead.set(key, val) {
			continue
		}
		switch string(key) {
		case "arguments":
			it.Arguments, _ = text(val)
		case "input":
			it.Input, _ = text(val)
		case "content":
			content = val
		case "summary":
			it.Summary = partTexts(val)
		case "output":
			it.Output = outputText(val)
		}
	}
	if o.bad {
		return it, errNoItem
	}
	if it.Type == "reasoning" {
		it.Reasoning = partTexts(content)
	} else if s, ok := text(content); ok {
		it.Text = s
	} else {
		it.Text = strings.Join(partTexts(content), "")
	}
	return it, nil
}

func parseHead(raw []byte) (h ItemHead) {
	o, _ := openObject(raw)
	for {
		key, val, more := o.next()
		if !more {
			return h
		}
		h.set(key, val)
	}
}

// set stores a member of the head and reports whether key names one.
func (h *ItemHead) set(key, val []byte) bool {
	var to *string
	switch string(key) {
	case "type":
		to = &h.Type
	case "id":
		to = &h.ID
	case "role":
		to = &h.Role
	case "name":
		to = &h.Name
	case "namespace":
		to = &h.Namespace
	case "call_id":
		to = &h.CallID
	case "phase":
		to = &h.Phase
	case "status":
		to = &h.Status
	default:
		return false
	}
	*to, _ = text(val)
	return true
}

// partTexts are the texts of an array of content parts.
func partTexts(raw []byte) (out []string) {
	elements(raw, func(part []byte) {
		if s, ok := text(member(part, "text")); ok {
			out = append(out, s)
		}
	})
	return out
}

// outputText is the text of a tool output: a string or an array of parts, joined by line ends.
func outputText(raw []byte) string {
	if s, ok := text(raw); ok {
		return s
	}
	return strings.Join(partTexts(raw), "\n")
}
