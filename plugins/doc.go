// Package plugins is the host's side of the providers: it finds them, checks
// them, starts each on first need in a process of its own, watches over it,
// and ends it. It owns those processes, their pipes, their sockets and the
// folder these lie in. Kinds of provider are handed in (see [Kind]); the
// package knows none, and nothing of threads, configuration files or the wire
// to clients.
//
// # Ordering and blocking
//
// [New] starts nothing and does not touch the disk. [Get] and [Use] start what
// they need, once however many callers come, and block until the plugin is up,
// has failed, or ctx ends; plugins start side by side. A call through a client
// blocks as long as its own context allows. Whatever happens to the process, a
// call in flight ends at once with an [*Error] that names the plugin and says
// why. Such a call may or may not have been carried out: it is never repeated
// here.
//
// A client belongs to one process. After that process died the client stays
// dead; the next Get starts another, after a pause that grows with each death.
// Too many deaths in a short time open a breaker: Get then fails with an *Error
// whose Reason is [ReasonBroken] until a cool-down is over or [Host.Reset].
//
// # What plugins say
//
// A plugin may talk to the host on a stream of its own, which is no call and
// keeps nothing alive: it logs, it says that what it listed has changed
// (Options.OnChanged), and it asks the user on behalf of a call that was made
// with [WithAsker]. The stream begins after the handshake and is not waited for.
// What is asked is withdrawn when the call is over.
//
// # Change
//
// With [Options].Watcher, a plugin whose program changes is replaced while it
// runs, as by [Host.Swap]: the new process comes up beside the old one and takes
// over; the old one ends when the calls on it have. One that does not come up is
// the plugin's last error, and nothing else. What a plugin says, and what it
// does, is kept where other processes can read it: see [LogFile] and [Hosts].
//
// # Nothing stays behind
//
// [Host.Close] returns when every process is gone. When the host dies without
// it, three things end the plugins, each enough by itself where it exists: the
// kernel (a parent-death signal on Linux, a job object on Windows), the end of
// file on the plugin's stdin, which only the host holds open, and, for what is
// left of files, the next host, which sweeps the folders of dead ones.
package plugins
