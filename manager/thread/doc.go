// Package thread is one live thread: its op queue, its turn loop, its event
// stream.
//
// A [Thread] owns the state of one conversation with an agent: the settings of
// its next turn, the history the model sees, the turn that runs. Ops come in
// through [Thread.Submit] and are taken up strictly in order by one goroutine,
// the loop; at most one turn runs at a time, in a goroutine that the loop starts
// and waits for. One function starts a turn and one ends it, and every ending
// tells exactly one turn/completed.
//
// What happens is first recorded and then told: [Thread.tell] appends the
// records of a step to the rollout and only then hands the events to the
// [Observer], both under one lock, so the file and every client see one order.
// An event is told only after the op that caused it was answered: whoever
// submits an op gets a [Receipt] and releases it once its own answer is out.
//
// The observer is called from the thread's goroutines. It must not block,
// except on a delta, where blocking is how a slow reader slows the model; it
// must return when the context it was given ends.
//
// A review is done by a second thread, which shares the first one's id and
// services, is written to no file, and tells everything through the first.
//
// The package must not know who is connected, where settings come from, or how
// many threads there are; the manager gives it its [Services] and its [Spec].
package thread
