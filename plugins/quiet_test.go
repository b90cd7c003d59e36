package plugins_test

import (
	"bytes"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/codexhost/codexhost/plugins"
)

// An ordinary end is no error, and the log must not call it one.
func TestOrdinaryEndIsQuiet(t *testing.T) {
	for range 10 {
		var log bytes.Buffer
		h := newHost(t, plugins.Options{Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: &log})}, builtin("good"))
		mustRead(t, h, "good", "pid")
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if log.Len() > 0 {
			t.Fatalf("the log says:\n%s", log.String())
		}
	}
}
