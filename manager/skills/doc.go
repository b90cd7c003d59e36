// Package skills is the host's catalogue of skills: which there are for a
// working directory, which of them are on, what the model is told of them, and
// which of them an input names. It owns the rules (validation, order, enabling,
// the budget of the prompt, mentions), a cache with one generation number, what
// became different from one listing to the next, the registration of what is
// watched, and the skills that come with the host, which it lays down as files.
//
// It does not look at skill files: providers do that, in processes of their
// own, reached through plugins. It does not read the configuration, which comes
// in as [Settings], nor know threads or connections.
//
// # Ordering and blocking
//
// A [Snapshot] is immutable: a turn that holds one sees one state of the world.
// Its number grows, for a working directory, when and only when something is
// different: a skill in the list, or a file in the folder of one.
// [Catalogue.List] answers from the cache, or asks all providers side by side,
// each with a deadline; concurrent callers with the same settings share one
// scan. A change (seen by the watcher, or told by [Catalogue.Invalidate]) first
// raises the generation, then calls OnChange: whoever lists after hearing of it
// gets what is new. What changes while a scan runs makes that scan's result
// good for its callers only.
//
// Nothing is watched until somebody holds a working directory
// ([Catalogue.Hold]). Then watching begins before scanning, so that nothing
// falls in between.
package skills
