// Package hooks runs the user's programs at the events of a thread: hooks, which
// may add to, block or end what a turn does, and notify programs, which are told.
//
// It owns hooks.json and the [hooks] tables, the rule of trust, which hooks an
// event concerns, how they run and what their outcome means. It must not know
// turns, rollouts or connections: who raises an event says what it is about, and
// carries out the [Result].
//
// A hook does not run before its user trusts it. Trust is given to a content, not
// to a file: `hooks.state."<key>".trusted_hash` in the user's config.toml must be
// the hash that hooks/list shows as currentHash, so that a hook that somebody
// changes stops running until it is looked at again. A repository cannot trust
// its own hooks.
//
// A hook that fails, is late or says nothing that can be understood lets the turn
// go on (fail open); the client is told.
//
// Blocking: [Store.Load] reads small files that changed and stats the others.
// [Set.Run] waits for the hooks, each within its time; they run side by side, each
// in a session of its own, and are killed with all they started. A nil [Set] has
// no hooks and costs nothing.
package hooks
