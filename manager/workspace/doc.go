// Package workspace serves a client's files: reading and changing them, watching
// them, and finding them by a few letters of their names.
//
// It owns the watches and searches of every client, the rules of .gitignore, and
// the ranking of matches. It must not know: threads, sandboxes, settings. A
// client's own requests about files are the user's, so nothing is asked and
// nothing confined here.
//
// Ordering. What [Client.Watch] answered is watched. After [Client.Query]
// returned, nothing more is told about an earlier query of that session, and
// nothing about the new one before its release function was called; after Unwatch,
// EndSession or Close returned, nothing at all.
//
// Blocking. File operations, Watch and Search touch the disk on the caller's
// goroutine; a search uses more of its own, which end before it returns. All
// other calls are quick. What a client is told comes from goroutines of this
// package, and telling must not block; Close waits for them.
package workspace
