package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/rollout"
)

// checkFlags are what `threads check` is told.
type checkFlags struct {
	all, asJSON, repair bool
	output              string
}

// checked is the answer for one thread: its sum, and its faults or all its records.
type checked struct {
	rollout.Checkup
	Sound    bool              `json:"sound"`
	Verdicts []rollout.Verdict `json:"verdicts"`
	Copy     string            `json:"copy,omitempty"` // the mended one
}

func newThreadsCheck(out io.Writer) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [ID | --all]",
		Short: "Look at every record of a thread's file",
		Long: `Look at every record of a thread's file and say what is wrong with it. With --json
there is a verdict for every record, else only the faults are shown.

--repair writes a copy in which all that can be mended is: beside the file, as
FILE.mended, or where --output says. The file itself is never changed, and may be
in use meanwhile.

Exit code 3 says that something cannot be read as it was meant.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if f.all == (len(args) == 1) {
				return errUsage{errors.New("name one thread, or say --all")}
			}
			if f.all && f.repair {
				return errUsage{errors.New("--repair mends one thread at a time")}
			}
			return checkThreads(out, args, f)
		},
	}
	c.Flags().BoolVar(&f.all, "all", false, "check every thread, also the archived ones")
	c.Flags().BoolVar(&f.asJSON, "json", false, "write JSON, with a verdict for every record")
	c.Flags().BoolVar(&f.repair, "repair", false, "write a mended copy")
	c.Flags().StringVarP(&f.output, "output", "o", "", "where --repair writes the `file`")
	return c
}

func checkThreads(out io.Writer, args []string, f checkFlags) error {
	s, err := stored()
	if err != nil {
		return err
	}
	paths, err := toCheck(s, args)
	if err != nil {
		return err
	}
	results := []checked{}
	damaged := 0
	for _, path := range paths {
		c, err := checkOne(s, path, f)
		if err != nil {
			return err
		}
		if !c.Sound {
			damaged++
		}
		if f.asJSON {
			results = append(results, c)
			continue
		}
		if !f.all || !c.Sound {
			showChecked(out, c)
		}
	}
	if f.asJSON {
		err = writeJSON(out, results)
	} else if f.all {
		_, err = fmt.Fprintf(out, "%d threads checked, %d damaged\n", len(paths), damaged)
	}
	if err == nil && damaged > 0 {
		return exitWith{exitDamaged, fmt.Errorf("%d of %d threads are damaged; `codexhost threads check ID --repair` writes a mended copy", damaged, len(paths))}
	}
	return err
}

// toCheck are the files to look at: that of the named thread, or all.
func toCheck(s *rollout.Store, args []string) ([]string, error) {
	if len(args) == 1 {
		if _, err := os.Stat(args[0]); err == nil {
			return args, nil // also a file that no thread can be told from
		}
		sum, err := findThread(s, args[0])
		return []string{sum.Path}, err
	}
	return s.Files()
}

func checkOne(s *rollout.Store, path string, f checkFlags) (c checked, err error) {
	var mended io.Writer
	if f.repair {
		if c.Copy = f.output; c.Copy == "" {
			c.Copy = path + ".mended"
		}
		file, err := os.OpenFile(c.Copy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return c, fmt.Errorf("making the mended copy: %w; name another file with --output", err)
		}
		w := bufio.NewWriter(file)
		mended = w
		defer func() {
			err = errors.Join(err, w.Flush(), file.Close())
		}()
	}
	c.Verdicts = []rollout.Verdict{}
	c.Checkup, err = s.Check(path, func(v rollout.Verdict) error {
		if f.asJSON || v.Fault != rollout.FaultNone {
			c.Verdicts = append(c.Verdicts, v)
		}
		return nil
	}, mended)
	c.Sound = c.Checkup.Sound()
	return c, err
}

// shownFaults bounds what people are shown of one file.
const shownFaults = 50

func showChecked(out io.Writer, c checked) {
	name := c.ThreadID
	if name == "" {
		name = "no thread: there is no session_meta that can be read"
	}
	verdict := "sound"
	if !c.Sound {
		verdict = fmt.Sprintf("DAMAGED: %d faults, %d records lost", c.Faults, c.Lost)
	}
	fmt.Fprintf(out, "%s  %s\n  %d records, %s\n", name, c.Path, c.Records, verdict)
	if c.Missing != "" {
		fmt.Fprintf(out, "  it begins with thread %s, whose file is gone\n", c.Missing)
	}
	for i, v := range c.Verdicts {
		if i == shownFaults {
			fmt.Fprintf(out, "  … and %d more, see --json\n", len(c.Verdicts)-i)
			break
		}
		fmt.Fprintf(out, "  line %d, byte %d: %s: %s\n", v.Line, v.Offset, v.Fault, v.Reason)
	}
	if c.Copy != "" {
		fmt.Fprintf(out, "  mended copy: %s\n", c.Copy)
	}
}
