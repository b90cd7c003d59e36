package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // the host could not start, or ended for an error
	exitUsage = 2 // the command line cannot be understood
)

// flags are what the command line says.
type flags struct {
	config        []string
	enable        []string
	disable       []string
	strict        bool
	listen        string
	sessionSource string
	onEOF         string
	drainLimit    time.Duration
	bypass        bool
	bypassTrust   bool
	profile       string
}

// errUsage marks an error of the command line.
type errUsage struct{ error }

// run is the program: it parses args, serves in and out, and returns the exit code.
func run(ctx context.Context, args []string, in *os.File, out *os.File, errw io.Writer) int {
	root := newCommand(ctx, in, out, errw)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage errUsage
	var with exitWith
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &with):
		fmt.Fprintf(errw, "codexhost: %v\n", err)
		return with.code
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "unknown "):
		fmt.Fprintf(errw, "codexhost: %v\nRun 'codexhost --help' for usage.\n", err)
		return exitUsage
	default:
		fmt.Fprintf(errw, "codexhost: %v\n", err)
		return exitError
	}
}

// newCommand is the command line. Clients write the global flags on either side
// of "app-server" and repeat them, so they belong to both.
func newCommand(ctx context.Context, in, out *os.File, errw io.Writer) *cobra.Command {
	var f flags
	serve := func(cmd *cobra.Command, _ []string) error {
		return serveStdio(cmd.Context(), f, in, out, errw)
	}
	root := &cobra.Command{
		Use:           "codexhost",
		Short:         "Hosts agent threads over JSON-RPC on stdio",
		Long:          longHelp,
		Version:       version,
		Args:          cobra.NoArgs,
		RunE:          serve,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(out)
	root.SetErr(errw)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return errUsage{err} })
	p := root.PersistentFlags()
	p.StringArrayVarP(&f.config, "config", "c", nil, "set a configuration `key=value`; the value is TOML, or text if it is none")
	p.StringArrayVar(&f.enable, "enable", nil, "turn a `feature` on")
	p.StringArrayVar(&f.disable, "disable", nil, "turn a `feature` off")
	p.BoolVar(&f.strict, "strict-config", false, "fail on configuration keys that are not known")
	p.StringVar(&f.listen, "listen", "stdio://", "where to serve; only stdio:// is there")
	p.Bool("stdio", true, "serve stdio, as always")
	p.StringVar(&f.sessionSource, "session-source", "", "what new threads give as their `source`")
	p.StringVar(&f.onEOF, "on-eof", "", "at the end of input: `drain` lets running turns finish, interrupt stops them (default drain, but a silent command ends the wait)")
	p.DurationVar(&f.drainLimit, "drain-limit", 10*time.Minute, "how long --on-eof=drain waits")
	p.BoolVar(&f.bypass, "dangerously-bypass-approvals-and-sandbox", false, "run everything unasked and unconfined")
	p.BoolVar(&f.bypassTrust, "dangerously-bypass-hook-trust", false, "run hooks that nobody has trusted")
	p.StringVarP(&f.profile, "profile", "p", "", "refused: profiles are for runtime commands")
	root.AddCommand(&cobra.Command{
		Use:   "app-server",
		Short: "Serve the app-server protocol on stdio (the default)",
		Args:  cobra.NoArgs,
		RunE:  serve,
	})
	root.AddCommand(newDemoCommand(out))
	root.AddCommand(newThreadsCommand(out))
	root.AddCommand(newMcpCommand(&f, in, out, errw))
	root.AddCommand(newPluginCommand(out))
	root.AddCommand(newTrustCommand(&f, out))
	return root
}

const longHelp = `codexhost hosts agent threads for editors, scripts and CI. It speaks the codex
app-server protocol, version 2, over stdio: JSON lines, or Content-Length frames
to clients that send those.

It shares the home folder of codex: CODEX_HOME, or ~/.codex. Without a model
provider and without a key it answers with a built-in offline model.

At the end of input it finishes the running turns, flushes, stops its plugins and
exits 0; a turn that waits for a command which has said nothing for 2 seconds is
interrupted, unless the input was a file or --on-eof=drain is given. SIGTERM and
SIGINT interrupt the turns first.

CODEXHOST_LOG sets the level of its log on stderr: error, warn (the default),
info, debug or trace.`
