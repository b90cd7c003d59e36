// Package rpc is the front door: one connection, its table of methods, its
// notifications.
//
// Every method of the protocol is a row of the table in methods.go, or a name in
// declined.go; a test holds both against the protocol's own list. A row names
// its handler, one per file, and its lane: what it must keep its order with.
// Handlers get their params decoded, call the manager and give back a result;
// they hold no logic and start no goroutines.
//
// Order. The reader only decodes the envelope and puts the request in its lane;
// a lane serves one request at a time, lanes do not wait for each other. Requests
// about one thread share that thread's lane, turn/interrupt has its own so that
// it overtakes; requests about one process of the client's share a lane; what is
// neither and not slow shares the connection's lane. A response is queued before
// the notifications that it causes: a handler returns them as an after-function,
// which runs once the response is on its way. An answer that takes long, as that
// of a command, is a later-function, waited for when the lane has gone on.
//
// The package must not know files, models or processes: that is the manager's.
package rpc
