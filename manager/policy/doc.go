// Package policy says who must be asked before something runs.
//
// It owns the reading of command lines (what a shell script consists of, what it does for people's eyes, what looks like a
// secret in it), the rules that users write in .rules files, the decision about commands ([Decide]) and patches
// ([DecidePatch]), and the texts of its questions and refusals.
// It must not know who asks, how a command is run, or what a sandbox is made of: settings come in as the wire has them,
// and whether a patch stays inside of them is told by the caller.
//
// All of it is pure functions over values, safe for concurrent use, but for two files: load.go reads .rules files, store.go
// keeps the rules of a home and appends to them. Only these touch the file system, and only [Store.Amend] waits: for
// another writer's lock, at most as long as its context.
package policy
