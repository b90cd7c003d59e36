// Package manager holds the live threads and the services they share:
// configuration, models, stored threads, skills, MCP servers, plugins and the
// watcher. It starts, resumes, reads and lists threads, and shuts them down.
//
// A [Manager] is used concurrently by any number of clients. A [Client] is one
// of them: it hears what the threads it is subscribed to tell, and what is
// announced to all, and owns the commands that it runs by itself, which end with it. The manager declares what it needs of a client ([Observer],
// and thread.Asker for questions); it must not know who implements them, so it
// never imports the server.
//
// Nothing optional holds up a thread's start: plugins and MCP servers start in
// the background, and only what needs them waits, with a bound. No lock is held
// across a call to a thread, a plugin or a file. [Manager.Close] waits for
// everything that the manager started.
//
// A sub-agent is a thread like any other, whose parent is the one that spawned
// it. It ends with its parent, before the parent's file is closed; a parent that
// is interrupted leaves its agents at work.
package manager
