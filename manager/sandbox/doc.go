// Package sandbox runs commands: in a session of their own, on pipes or a terminal, with output bounded in memory, held
// to a [Policy], and killed with everything they started.
//
// It owns: the processes it starts and all their descendants, their pipes and terminals, the placeholders that stand in
// for missing protected names while a command runs, and the environment that commands get ([Environ]).
// It must not know: who asked for a command, whether it was approved, what its output is for.
//
// Each command runs under a small supervisor: this same program in another role (package supervise), which branches off
// while the program is still being set up. The supervisor makes the confinement, starts the command in it, adopts
// whatever the command leaves behind, and notices the end of the host, however it comes, by the end of a socket. On Linux
// a confined command and its supervisor live in namespaces of their own, where the supervisor is the first process: when
// it goes, the kernel kills the rest. A command with full access is followed through a subreaper instead, because it must
// see the real system; what it leaves in the background lives until the process is closed or the host ends.
//
// What does not hold: a command with full access that kills its own supervisor with KILL can keep a daemon; so can one
// that becomes another user whom the host may not signal. On macOS a daemon that left both its parent and its group is
// not found again. Without a network local sockets are refused as well, but for pairs: a named socket may belong to a
// daemon that runs things for whoever connects, and no filter can tell.
//
// Never silently unconfined: [Start] fails with an [UnenforceableError] when the policy cannot be enforced here.
// [Probe] says beforehand what can be, by which means, and what to do to get more.
//
// Ordering: output arrives in the order in which it was written to one stream. [Process.Wait] returns after the command
// ended and its output was read, or shortly after if a process left in the background still holds the pipe.
//
// Blocking: [Start] waits for the command to be executed, at most as long as its context and ten seconds. Nothing here
// blocks the command: who reads slowly loses the middle of the output, with a count. Whoever starts a process closes it.
package sandbox
