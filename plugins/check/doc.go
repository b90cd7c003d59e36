// Package check tells whether a program is a good plugin: it starts it as a
// host would, tries what hosts rely on, and reports rule by rule. It speaks the
// wire of plugins/PROTOCOL.md with nothing but gRPC, so what it finds out holds
// for plugins in any language. Authors run it as "codexhost plugin check", or
// in a Go test through the package checktest.
//
// It owns the processes that it starts: each rule has one of its own, which is
// gone, with its process group, before the next rule begins. Every wait has a
// bound (see [Limits]), so a check ends whatever the plugin does. The package
// knows the contracts and nothing of configuration, nor of the host's
// supervision, whose kindness would hide faults.
package check
