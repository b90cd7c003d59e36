package thread

import "github.com/google/uuid"

// newID is a fresh UUIDv7: ids of threads, turns and user items, which sort by
// the time they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
