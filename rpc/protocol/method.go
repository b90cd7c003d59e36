package protocol

import "strings"

// Method is a row of a method table.
type Method struct {
	Name         string
	Params       func() any // a pointer to a new zero value of the params' type; nil if the method takes none
	Result       func() any // likewise for the answer; nil for notifications
	Nullable     bool       // the params have a type, and may be absent or null nevertheless
	Experimental bool       // only for clients that said experimentalApi
	Hidden       bool       // in the reference's texts but not in its schema, and not served here
}

// ClientRequest looks up a request that a client makes.
func ClientRequest(name string) (*Method, bool) {
	return row(clientRequests[:], clientRequestIndex(name))
}

// ServerRequest looks up a request that the host makes.
func ServerRequest(name string) (*Method, bool) {
	return row(serverRequests[:], serverRequestIndex(name))
}

// ClientNotification looks up a notification that a client sends.
func ClientNotification(name string) (*Method, bool) {
	return row(clientNotifications[:], clientNotificationIndex(name))
}

// ServerNotification looks up a notification that the host sends.
func ServerNotification(name string) (*Method, bool) {
	return row(serverNotifications[:], serverNotificationIndex(name))
}

func row(table []Method, i int) (*Method, bool) {
	if i < 0 || table[i].Hidden {
		return nil, false
	}
	return &table[i], true
}

// ClientRequests lists the requests that a client makes, in the schema's order, hidden ones included.
func ClientRequests() []Method { return clientRequests[:] }

// ServerRequests lists the requests that the host makes.
func ServerRequests() []Method { return serverRequests[:] }

// ClientNotifications lists the notifications that a client sends.
func ClientNotifications() []Method { return clientNotifications[:] }

// ServerNotifications lists the notifications that the host sends.
func ServerNotifications() []Method { return serverNotifications[:] }

// UnknownMethod is the error for a request whose method is in no table: it lists all that are.
func UnknownMethod(name string) *DecodeError {
	var b strings.Builder
	b.Grow(5000)
	writeUnknownVariant(&b, name, len(clientRequests), func(i int) string { return clientRequests[i].Name })
	return &DecodeError{Path: "method", Msg: b.String()}
}

// Decode reads the params of a request. The answer is what Params makes, or nil for a method that takes none.
func (m *Method) Decode(data []byte) (any, error) {
	if m.Params == nil {
		return nil, decodeNone(data)
	}
	v := m.Params()
	if m.Nullable && isNull(data) {
		return v, nil
	}
	if err := DecodeParams(data, v); err != nil {
		return nil, err
	}
	return v, nil
}
