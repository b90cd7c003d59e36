// Package proto holds the wire contracts of the providers: one folder and one
// protobuf package for each kind and major version, and one, plugin, for what
// every kind may serve beside its contract. The .proto files are what
// a plugin author in another language implements; the Go beside them is
// generated and committed, so that a build needs no protoc.
//
// Nothing in here imports the rest of the host. Hand-written code belongs into
// the contract packages (plugins/skill, plugins/mcp), which hide the generated
// types from everybody else.
//
// protoc 3.21 (Debian: protobuf-compiler) must be on the PATH; both Go
// generators are pinned by the tool lines of go.mod.
package proto

//go:generate sh generate.sh
