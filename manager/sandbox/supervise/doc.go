// Package supervise is the supervisor of one command: a process of its own, this same program in another role, that makes
// the confinement, starts the command in it, reaps, passes signals on, and kills everything when it is told to or when the
// host is gone.
//
// It owns: the command and all its descendants, the namespaces and mounts around them, and the words in which a host
// orders and a supervisor reports. It must not know: policies and where they come from. It is told paths that were
// resolved, and does as told. It imports little on purpose: every command pays for what is set up here.
//
// Ordering: one [Order], then [Request]s; a report of the start, then one of the end. Blocking: the process does nothing
// but wait. It ends when nothing of the command is left, and never outlives its host.
package supervise
