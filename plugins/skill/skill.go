// Package skill is the contract of skill providers: what a plugin author
// implements and serves, and what the host calls. It owns the Go interface, its
// passage over gRPC, and Serve.
//
// It knows nothing of the host: no configuration, no validation, no order. A
// provider hands over what it found, raw; all rules about names, limits,
// duplicates and visibility are the host's, so that every provider behaves the
// same. Calls may run concurrently and honour the caller's context.
//
// A plugin is a main function that calls [Serve] with a [Provider], and nothing
// else; plugins/examples/greet is one, complete. A provider that wants to read
// its settings, to log, to ask the user, or to say that its skills have changed
// has a method Attach, too, by which it gets a [serve.Host].
package skill

import (
	"context"
	"errors"
)

// Kind is the name of this kind of provider in configuration and status.
const Kind = "skill"

// ErrNotFound says that no skill has the path that was asked for.
var ErrNotFound = errors.New("no such skill")

// Provider finds skills. Implementations are safe for concurrent use; there is
// nothing to close, a provider lives as long as its process.
type Provider interface {
	// List finds the skills under the roots of the request, and looks nowhere
	// else. A file that cannot be taken is a Problem of the listing, not an
	// error. It may block on the file system or the network until ctx ends.
	List(ctx context.Context, req ListRequest) (Listing, error)

	// Read returns the whole text of a skill as it is now. The error is
	// ErrNotFound (wrapped or not) when there is no such skill.
	Read(ctx context.Context, req ReadRequest) (Content, error)
}

// Scope says on whose behalf a skill is there.
type Scope string

// The scopes, spelled as on the wire to clients.
const (
	ScopeUser   Scope = "user"
	ScopeRepo   Scope = "repo"
	ScopeSystem Scope = "system"
	ScopeAdmin  Scope = "admin"
)

// Root is a folder to look into.
type Root struct {
	Path  string // absolute; may not exist
	Scope Scope
	// Within, if set, is the absolute folder that links under the root must
	// not lead out of, other than into another root of the same request.
	Within string
	// Namespace is put before the names of this root's skills by the host.
	Namespace string
}

// ListRequest asks for the skills that a working directory sees.
type ListRequest struct {
	Roots []Root // in order of precedence
	Cwd   string // absolute
	// Known is the generation of a listing for the same roots that the caller
	// still holds, or 0. A provider for which nothing changed may then answer
	// Listing{Generation: Known, Unchanged: true}.
	Known uint64
}

// Listing is what a provider found. Order has no meaning.
type Listing struct {
	Skills []Skill
	Errors []Problem
	// Watch holds absolute paths whose change makes the listing out of date:
	// files, or folders with everything below. They may not exist yet.
	Watch []string
	// Generation differs between two listings that differ.
	Generation uint64
	Unchanged  bool
}

// Skill is one skill, its fields as they stand in its files.
type Skill struct {
	Path      string // what Read takes; for files absolute, with links resolved
	Via       string // the path by which it was found, links as they are; empty if that is Path
	Dir       string // the skill's folder, empty if it is no file
	Root      string // the Path of the root it was found under
	Scope     Scope
	Namespace string

	Name             string
	Description      string
	ShortDescription string

	Interface *Interface
	Tools     []Tool
	Policy    Policy
}

// Interface says how a client may show a skill. Icons are relative to Skill.Dir.
type Interface struct {
	DisplayName      string
	ShortDescription string
	IconSmall        string
	IconLarge        string
	BrandColor       string
	DefaultPrompt    string
}

// Tool is something that a skill needs: an environment variable, an MCP server.
type Tool struct {
	Type        string
	Value       string
	Description string
	Transport   string
	Command     string
	URL         string
}

// Policy limits who is offered a skill.
type Policy struct {
	// ExplicitOnly keeps the skill out of the list that the model is shown; it
	// can still be mentioned.
	ExplicitOnly bool
	// Products, if any, are the only products that see the skill.
	Products []string
}

// Problem is a file that could not be taken as a skill.
type Problem struct {
	Path    string
	Message string
	Scope   Scope
}

// ReadRequest asks for the text of one skill.
type ReadRequest struct {
	Path  string // a Skill.Path
	Roots []Root // those of the listing: what lies outside all of them is refused
}

// Content is the text of a skill, front matter included. It may hold any bytes.
type Content struct {
	Text []byte
}
