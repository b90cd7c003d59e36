// Package command runs the commands that a client asks for by itself, outside of any thread.
//
// It owns: the processes of one client ([Table]) from their start to the moment when nothing of them is left, what waits
// for their input, and what is told or kept of their output.
// It must not know: the protocol, how a command is confined (that comes with its [Request]), who the client is.
//
// Ordering: the output of one stream is told in its order; the end of a process comes after all of its output. A name is
// free again before the end is told.
//
// Blocking: telling output may block, and then this stream alone waits: what its command writes is held up to a bound, and
// beyond it the command stands still, unless its cap is within the bound. Input never blocks who writes it; it is held up to a bound, and who writes is told when there
// is room again. A process ends when its command ends, its time is over, it is killed, or its table is closed, and takes
// with it whatever it started. [Table.Close] waits for all of them.
package command
