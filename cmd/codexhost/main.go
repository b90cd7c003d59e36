// Command codexhost hosts agent threads for editors, scripts and CI: it speaks
// the codex app-server protocol over stdio.
//
// This package owns flags, the shielding of stdin and stdout, wiring and exit
// codes; everything else is in the packages it wires.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/codexhost/codexhost/manager/sandbox"
	"github.com/codexhost/codexhost/plugins"
)

// version is set when a release is built.
var version = "0.1.0-dev"

func main() {
	// A plugin, and what watches over a command, is this same binary in another
	// role. It must not touch anything of the host before it knows.
	if supervise, ok := sandbox.Role(os.Args[1:]); ok {
		os.Exit(supervise())
	}
	if role, ok := plugins.Role(os.Args[1:]); ok {
		os.Exit(servePlugin(role))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A client that no longer reads is an error of the write, not the host's death.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	in, out := shieldStdio()
	os.Exit(run(ctx, os.Args[1:], in, out, os.Stderr))
}
