package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func newThreadsShow(out io.Writer) *cobra.Command {
	var asJSON, full bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a thread as a readable transcript",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := transcriptOf(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, t)
			}
			w := bufio.NewWriter(out)
			showTranscript(w, t, full)
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().BoolVar(&full, "full", false, "all of what commands and tools have put out")
	return c
}

func transcriptOf(ref string) (*transcript, error) {
	s, err := stored()
	if err != nil {
		return nil, err
	}
	sum, err := findThread(s, ref)
	if err != nil {
		return nil, err
	}
	return readTranscript(s, sum)
}

// shownLines is how much of an output the transcript has, from its end.
const shownLines = 12

func showTranscript(w io.Writer, t *transcript, full bool) {
	fmt.Fprintf(w, "%s\n%s\n", t.Title, factLine(t))
	for n, turn := range t.Turns {
		fmt.Fprintf(w, "\n── Turn %d %s\n", n+1, turnLine(&turn))
		for _, e := range turn.Entries {
			showEntry(w, e, full)
		}
		if turn.Error != "" {
			fmt.Fprintf(w, "\n  ! %s\n", turn.Error)
		}
	}
	for _, warning := range t.Warnings {
		fmt.Fprintf(w, "\nwarning: %s", warning)
	}
	if len(t.Warnings) > 0 {
		fmt.Fprintln(w)
	}
}

// factLine is what is known of a thread as a whole.
func factLine(t *transcript) string {
	facts := []string{t.ID, t.Created.Local().Format("2006-01-02 15:04"), t.Cwd}
	if t.Model != "" {
		facts = append(facts, t.Model)
	}
	if t.Tokens != nil {
		facts = append(facts, fmt.Sprintf("%d tokens", t.Tokens.Total.Total))
	}
	if t.ForkOf != "" {
		facts = append(facts, "fork of "+t.ForkOf)
	}
	return strings.Join(facts, " · ")
}

func turnLine(t *turnText) string {
	facts := []string{t.Status}
	if !t.Started.IsZero() {
		facts = append(facts, t.Started.Local().Format("15:04:05"))
	}
	if d := took(t.Duration); d != "" {
		facts = append(facts, d)
	}
	if t.Tokens > 0 {
		facts = append(facts, fmt.Sprintf("%d tokens", t.Tokens))
	}
	return strings.Join(facts, " · ")
}

func showEntry(w io.Writer, e entry, full bool) {
	head := map[string]string{"user": "You", "agent": "Agent", "reasoning": "Thought", "command": "$ ", "patch": "Edited ", "tool": "Called ", "note": ""}[e.Kind]
	facts := took(e.Took)
	if e.Kind == "command" || e.Kind == "patch" {
		facts = joined(e.Text, facts)
	}
	if facts != "" {
		facts = "  (" + facts + ")"
	}
	fmt.Fprintf(w, "\n%s%s%s\n", head, e.Title, facts)
	if e.Kind != "command" && e.Kind != "patch" && e.Text != "" {
		indent(w, e.Text, 0)
	}
	if e.Output != "" {
		lines := shownLines
		if full || e.Diff {
			lines = 0
		}
		indent(w, e.Output, lines)
	}
}

// indent writes text two columns in; of a long one the last lines, if it is bounded.
func indent(w io.Writer, text string, most int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if most > 0 && len(lines) > most {
		fmt.Fprintf(w, "  … %d lines more, see --full\n", len(lines)-most)
		lines = lines[len(lines)-most:]
	}
	for _, line := range lines {
		fmt.Fprintf(w, "  %s\n", line)
	}
}
