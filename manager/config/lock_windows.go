package config

import "context"

// lockDir: folders cannot be locked here; the check before the rename is what there is.
func lockDir(context.Context, string) (unlock func(), err error) { return func() {}, nil }
