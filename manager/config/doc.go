// Package config reads config.toml and the layers around it, and edits it without disturbing what it does not touch.
//
// It owns: the files and flags a setting may come from and their order, the trust of project folders, the typed view
// ([Config]) that the rest of the host reads, the answers of config/read, and every write to config.toml.
// It must not know: what a setting is for. It starts nothing, reads no credentials and decides no provider.
//
// Ordering: layers merge from weak to strong: system, user, project (root first, nearest last, trusted ones only),
// session flags, then the overrides of one thread. Tables merge by key, every other value replaces.
//
// Blocking: [New] touches no file. [Loader.Load] does a few stats when nothing changed and reads files otherwise; it
// never waits for a network. Writes are serialised inside one Loader and are whole-file: temporary file, sync, rename.
// A [Config] is immutable once returned and may be shared by any number of goroutines.
package config
