package protocol

import "encoding/json"

// Members is the members of an object that its type does not know, in the order in which they came.
type Members []Member

// Member is one of them.
type Member struct {
	Name  string
	Value json.RawMessage
}
