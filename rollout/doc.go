// Package rollout owns the thread files of a CODEX_HOME: one JSONL file per thread (or per segment of a
// reverted thread), the writer locks beside them, and the name index. It records, reads, rebuilds turns, cuts
// for a fork, lists, locks and repairs. It is the only place that knows the snake_case spelling of the files;
// the rest of the host sees protocol types and raw response items.
//
// It must not know about live threads, models, tools or connections, and it never asks anybody anything.
//
// The file is the truth. Nothing here keeps state that cannot be rebuilt from the files, and what is cached in
// memory (directory listings, heads) is checked against the file system on every use.
//
// Ordering and blocking. Every call is synchronous: when [Recorder.Append] returns nil, the lines are in the
// operating system, in the order given, after every line of earlier calls. A record that could not be written
// stays in memory and goes first at the next call. [Recorder.Sync] makes them durable. Reading takes no lock
// and waits for nobody; it sees a prefix of what a writer has written, cut at a line. One thread has one writer
// in all processes of a machine: [Store.Open] and [Recorder.Materialize] take a lock that the kernel frees when
// the process ends, however it ends.
//
// Tolerance. A line that cannot be used is skipped and counted in [History.Warnings], whatever is wrong with
// it, and never costs more than itself. Members, record types and items that are not known are kept.
package rollout
