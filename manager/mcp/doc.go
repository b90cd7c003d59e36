// Package mcp runs the MCP servers of the threads: it starts them through a
// provider (plugins/mcp), shares each between all threads that want the same
// one, offers their tools to the model under names that fit, decides whether a
// call must be approved, carries calls out and turns results into what the model
// reads and what clients are shown.
//
// It must not know threads, turns, rollouts or connections: a thread has a
// [Set] and is told things through the [Listener] it brings.
//
// # Ordering and blocking
//
// [Service.Join] starts what is missing in the background and returns at once;
// nothing here holds up a thread or its first turn, unless the caller asks for
// it with [Set.WaitRequired] or [Set.WaitReady]. Servers start side by side. The
// tools of a server that becomes ready late are in the next [Set.Offer].
//
// No lock is held across a call to a server or a provider. A slow server delays
// its own callers only. A server that died is started again by the next call,
// after a pause that grows; three crashes in five minutes stop that until the
// five minutes are over or the configuration is reloaded. A call that was in
// flight when its server died fails; it is made again only when the server had
// certainly not read it, or had ended of its own accord, not by a crash, and the
// tool says that it may be repeated.
package mcp
