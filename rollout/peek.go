package rollout

import "encoding/json"

// ItemHead is what a response item says of itself first. It is found without decoding the item.
type ItemHead struct {
	Type   string
	Role   string // of a message
	CallID string // of a call and of its output
}

// PeekItem reads an item's head; what is no object, or broken, has none.
func PeekItem(item json.RawMessage) (h ItemHead) {
	members(item, func(key, value []byte) bool {
		switch string(key) {
		case "type":
			h.Type = decodeString(value)
		case "role":
			h.Role = decodeString(value)
		case "call_id":
			h.CallID = decodeString(value)
		}
		return h.Type == "" || h.CallID == "" && !(h.Type == "message" && h.Role != "")
	})
	return h
}

// WithoutMember is an object less its own members of a name. One that has none, or is broken, is returned as it is.
func WithoutMember(object json.RawMessage, name string) json.RawMessage {
	found := false
	if whole := members(object, func(key, _ []byte) bool {
		found = found || string(key) == name
		return true
	}); !whole || !found {
		return object
	}
	out := append(make([]byte, 0, len(object)), '{')
	members(object, func(key, value []byte) bool {
		if string(key) != name {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(appendString(out, string(key)), ':')
			out = append(out, value...)
		}
		return true
	})
	return append(out, '}')
}

// Preview is what lists show of a history: the first thing that the user said.
func Preview(items []json.RawMessage) string {
	for _, item := range items {
		if kind, role := itemKind(item); kind == "message" && role == "user" && !contextual(item) {
			return previewOf(messageText(item))
		}
	}
	return ""
}
