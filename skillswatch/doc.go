// Package skillswatch tells when files below some folders changed, so that caches can be dropped.
//
// It owns: the operating system's watches, their number, polling where there are no events, and the gathering of many
// events into few. It must not know: what the files mean. It reads no content and imports nothing of the host.
//
// Three parts. A [Source] reports what the system says about single folders (source*.go). The debouncer decides when
// enough has been heard (debounce.go; pure). The registry knows who wants which folders, keeps the watches in step with
// the file system and calls back (registry.go, watcher.go).
//
// Ordering: watches are in place when [Watcher.Watch] returns, and a new folder is watched before the callback that
// speaks of it. So who scans after Watch, and again in or after each callback, misses nothing. Callbacks come from one
// goroutine, one at a time.
//
// Blocking: Watch and Update walk the folders they are given. Callbacks must not block for long; while one runs, events
// gather in bounded memory and what is too many becomes an Event with Overflow.
package skillswatch
