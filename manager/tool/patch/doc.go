// Package patch is the engine behind apply_patch: it reads the patch format that models write, finds the places in the
// files that it means, and changes the files all together or not at all.
//
// It owns the format ([Parse], [FromCommand]), the search for the lines to change, the writing ([Plan.Apply]) and the
// texts and diffs that tell of it ([Plan.Changes], [Plan.Summary], [TurnDiff]).
// It must not know turns, approvals, sandboxes or connections: [Plan.Targets] says which real files a patch would touch,
// and whoever holds the plan decides whether it may.
//
// Three steps, in this order: Parse looks at nothing but the text. [Patch.Plan] reads the files and verifies every
// operation; it writes nothing. Apply writes. Between the last two any time may pass (a person may be asked): Apply
// refuses when a file has changed meanwhile, and when a folder on the way has become a symbolic link, so that what was
// judged is what is written. A failure on the way puts back what was done before it.
//
// Nothing here waits for anything but the file system; no goroutines, no state beyond the values. A Plan is used by one
// goroutine; a TurnDiff may be used by several.
package patch
