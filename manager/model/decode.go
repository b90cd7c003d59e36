package model

import (
	"encoding/json"
	"strings"
)

// decoder turns the data of one stream's events into Events.
type decoder struct {
	itemID string // the last id seen: deltas of one item share it
	said   string // what an "error" event said; it explains the end that follows
}

// decode reads one event. ok is false for what is skipped: other event types and whatever does not
// parse. A failure ends the stream.
func (d *decoder) decode(data []byte) (ev Event, ok bool, failure *Error) {
	o, ok := openObject(data)
	if !ok {
		return ev, false, nil
	}
	var typ, itemID, delta, item, response, fault []byte
	for {
		key, val, more := o.next()
		if !more {
			break
		}
		switch string(key) {
		case "type":
			typ = val
		case "item_id":
			itemID = val
		case "output_index":
			ev.Index = number(val)
		case "content_index", "summary_index":
			ev.Part = number(val)
		case "delta":
			delta = val
		case "item":
			item = val
		case "response":
			response = val
		case "error", "message":
			fault = val
		}
	}
	if o.bad || len(typ) < 2 || typ[0] != '"' {
		return ev, false, nil
	}
	name := typ[1 : len(typ)-1]
	if ev.Kind = deltaKind(name); ev.Kind != 0 {
		if ev.Delta, ok = text(delta); !ok && ev.Kind != ReasoningPartAdded {
			return ev, false, nil
		}
		ev.ItemID = d.id(itemID)
		return ev, true, nil
	}
	switch string(name) {
	case "response.created":
		ev.Kind = Created
		ev.ResponseID = memberText(response, "id")
		return ev, true, nil
	case "response.output_item.added":
		ev.Kind = ItemAdded
		return ev, ev.setItem(item), nil
	case "response.output_item.done":
		ev.Kind = ItemDone
		return ev, ev.setItem(item), nil
	case "response.completed":
		return d.completed(response), true, nil
	case "response.failed":
		return ev, false, responseFailed(response)
	case "response.incomplete":
		return ev, false, responseIncomplete(response)
	case "error":
		d.said = errorText(fault)
	}
	return ev, false, nil
}

func deltaKind(name []byte) Kind {
	switch string(name) {
	case "response.output_text.delta":
		return TextDelta
	case "response.custom_tool_call_input.delta":
		return ToolInputDelta
	case "response.reasoning_summary_text.delta":
		return ReasoningSummaryDelta
	case "response.reasoning_text.delta":
		return ReasoningTextDelta
	case "response.reasoning_summary_part.added":
		return ReasoningPartAdded
	}
	return 0
}

// id decodes an item id without allocating when it is the one before.
func (d *decoder) id(raw []byte) string {
	if n := len(raw); n >= 2 && string(raw[1:n-1]) == d.itemID {
		return d.itemID
	}
	if s, ok := text(raw); ok {
		d.itemID = s
		return s
	}
	return ""
}

func (ev *Event) setItem(raw []byte) bool {
	if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) {
		return false
	}
	ev.Item = cleanRaw(raw)
	ev.Head = parseHead(ev.Item)
	ev.ItemID = ev.Head.ID
	return true
}

type wireUsage struct {
	Input        int64 `json:"input_tokens"`
	InputDetails *struct {
		Cached int64 `json:"cached_tokens"`
		Write  int64 `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	Output        int64 `json:"output_tokens"`
	OutputDetails *struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int64 `json:"total_tokens"`
}

func (d *decoder) completed(response []byte) Event {
	ev := Event{Kind: Completed}
	o, _ := openObject(response)
	for {
		key, val, more := o.next()
		if !more {
			return ev
		}
		switch string(key) {
		case "id":
			ev.ResponseID, _ = text(val)
		case "usage":
			ev.Usage = parseUsage(val)
		case "end_turn":
			if s := string(val); s == "true" || s == "false" {
				b := s == "true"
				ev.EndTurn = &b
			}
		}
	}
}

// parseUsage is nil for null and for what is no usage.
func parseUsage(raw []byte) *Usage {
	var w *wireUsage
	if json.Unmarshal(raw, &w) != nil || w == nil {
		return nil
	}
	u := &Usage{Input: w.Input, Output: w.Output, Total: w.Total}
	if w.InputDetails != nil {
		u.CachedInput, u.CacheWrite = w.InputDetails.Cached, w.InputDetails.Write
	}
	if w.OutputDetails != nil {
		u.Reasoning = w.OutputDetails.Reasoning
	}
	if u.Total == 0 {
		u.Total = u.Input + u.Output
	}
	return u
}

// member is the raw value of a top-level member of an object, nil when there is none.
func member(raw []byte, name string) []byte {
	o, _ := openObject(raw)
	for {
		key, val, more := o.next()
		if !more {
			return nil
		}
		if string(key) == name {
			return val
		}
	}
}

func memberText(raw []byte, name string) string {
	s, _ := text(member(raw, name))
	return s
}

// errorText is the message of an error member: a string, or an object with a message.
func errorText(raw []byte) string {
	if s, ok := text(raw); ok {
		return s
	}
	if s := memberText(raw, "message"); s != "" {
		return s
	}
	return strings.TrimSpace(validText(raw))
}
