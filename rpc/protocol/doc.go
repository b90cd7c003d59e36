// Package protocol is the vocabulary of the wire: the requests, answers and notifications of the app-server protocol, v2,
// as Go types, the tables of its methods, and the codec that reads and writes them. It holds data only: no I/O, no locks
// that a caller can see, no goroutines, and it imports nothing of this module.
//
// # Names
//
// A type has the name of its definition in the schema. A field has the name of its JSON member, with ID, IDs, URL, URLs
// and JSON in capitals (threadId is ThreadID). The constants of an enum are the type's name and the value
// (TurnStatusInProgress).
//
// A union is a sealed interface named for its definition. Its variants are pointers to structs named Union+Variant
// (*ThreadItemAgentMessage), where the tag is implied and not a field. A union that mixes bare strings with objects has
// its strings in a type Union+Name (AskForApprovalName, constant AskForApprovalNever) and an object per key
// (*AskForApprovalGranular, holding what is behind the key; a key with anything but an inline object behind it has one
// field Value). Unions told apart by JSON type alone have variants Union+String, +Integer, +List, +Object. A variant of
// a later release is kept whole in Union+Raw.
//
// # Presence
//
// A required member is a plain field. A member that may be null is a pointer, unless its type has a nil of its own
// (slice, map, interface, json.RawMessage). What a nil is written as, null or nothing, is settled per field by the wire
// tag. A field with another default than Go's zero is written with it when empty. Opt is for the few members
// where absent and null differ. A nil slice or map in a required field is written as [] or {}.
// Members that a type does not know are kept in its field Unknown and written back.
//
// # Tags
//
// The tag wire:"name,flags" of a field has the member's name and, of these, what applies: optional (may be missing),
// nullable (may be null, and nil is written as null), omit (nil or zero is left out instead), default=x (what a missing
// member stands for), experimental, one (at least one of its kind must be there), and what a string or an integer must
// be: abs (an absolute path), path, nonempty, i32, u8, u16, u32, u64, usize. On the blank field of a variant it has
// tag=member:value or key=name, and bare where the field Value is the whole. On Unknown it is unknown, or closed where a
// caller may send no other members.
//
// # Codec
//
// Append encodes, Decode reads what a host or an earlier release wrote (unknown tags and values are kept, missing
// members are zero), DecodeParams reads what a peer asks for (everything is checked, and errors are worded as the
// reference product words them). None of them keeps a reference to its input or output. All may run concurrently; the
// plan of a type is made on its first use and kept.
package protocol

//go:generate go run ./generate -schema ../../../shared/schema -out .
