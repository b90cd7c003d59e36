package protocol

// Opt is a member for which absent, null and a value are three different things: Set is false when the member is absent;
// otherwise Value is nil for null.
type Opt[T any] struct {
	Set   bool
	Value *T
}

// Some is a member with a value.
func Some[T any](v T) Opt[T] { return Opt[T]{Set: true, Value: &v} }

// Null is a member that is there and null.
func Null[T any]() Opt[T] { return Opt[T]{Set: true} }

func (Opt[T]) isOpt() {}

type optional interface{ isOpt() }
