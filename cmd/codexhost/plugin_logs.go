package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/plugins"
)

func newPluginLogs(out io.Writer) *cobra.Command {
	var follow bool
	var last int
	c := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show what a plugin has written, and why it ended",
		Long: `logs shows what the processes of a plugin wrote to stderr, to stdout, and to the
host's log, with the time (UTC) and the process id on each line; and why one that
nobody ended is no more. All hosts of the home folder write to the same file, of
which the last one to two MiB are kept:
$CODEX_HOME/codexhost-logs/NAME.log, and NAME.log.1 with what came before.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			home, err := codexHome()
			if err != nil {
				return err
			}
			if err := plugins.CheckName(args[0]); err != nil {
				return errUsage{err}
			}
			log := pluginLog{path: plugins.LogFile(manager.PluginLogs(home), args[0]), out: out}
			if err := log.show(last); err != nil {
				return err
			}
			if follow {
				return log.follow(c.Context())
			}
			if log.silent {
				return silentPlugin(c.Context(), out, args[0])
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written from now on")
	c.Flags().IntVarP(&last, "lines", "n", 0, "show the last `N` lines only")
	return c
}

// silentPlugin says that there is no log, or that there is no such plugin.
func silentPlugin(ctx context.Context, out io.Writer, name string) error {
	if _, ok := builtinRole(name); !ok {
		t, err := openPluginTable(ctx)
		if err != nil {
			return err
		}
		if _, err := t.named(name); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s has written nothing\n", name)
	return nil
}

// pluginLog prints a log from its beginning on.
type pluginLog struct {
	path   string
	out    io.Writer
	file   fs.FileInfo // what was read of last; nil if it was not there
	read   int64       // of it
	silent bool        // nothing was there
}

// show prints what there is, or the last lines of it.
func (l *pluginLog) show(last int) error {
	older, err := os.ReadFile(l.path + ".1")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the log: %w", err)
	}
	newer, err := l.rest()
	if err != nil {
		return err
	}
	all := append(older, newer...)
	l.silent = len(all) == 0
	if last > 0 {
		all = lastLines(all, last)
	}
	_, err = l.out.Write(all)
	return err
}

func lastLines(b []byte, n int) []byte {
	at := len(b)
	for i := 0; i <= n && at > 0; i++ {
		at = bytes.LastIndexByte(b[:at], '\n')
	}
	return b[at+1:]
}

// rest is what was written since the last time. A file that was put aside in
// between is read to its end first.
func (l *pluginLog) rest() ([]byte, error) {
	var old []byte
	now, err := os.Stat(l.path)
	if l.file != nil && (err != nil || !os.SameFile(l.file, now)) {
		if aside, err := os.Stat(l.path + ".1"); err == nil && os.SameFile(l.file, aside) {
			if old, err = readFrom(l.path+".1", l.read); err != nil {
				return nil, err
			}
		}
		l.file, l.read = nil, 0
	}
	if errors.Is(err, fs.ErrNotExist) {
		return old, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	b, err := readFrom(l.path, l.read)
	l.file, l.read = now, l.read+int64(len(b))
	return append(old, b...), err
}

func readFrom(path string, offset int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, offset, 1<<62))
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return b, nil
}

// followEvery is how often the log is looked at while somebody watches.
const followEvery = 200 * time.Millisecond

// follow prints what is added until ctx ends.
func (l *pluginLog) follow(ctx context.Context) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		b, err := l.rest()
		if err != nil {
			return err
		}
		if _, err := l.out.Write(b); err != nil {
			return fmt.Errorf("writing the log: %w", err)
		}
	}
}
