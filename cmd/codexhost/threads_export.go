package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func newThreadsExport(out io.Writer) *cobra.Command {
	var format, output string
	var asJSON bool
	c := &cobra.Command{
		Use:   "export ID",
		Short: "Write a thread as Markdown, or as one HTML page",
		Long: `Write a thread as Markdown, or as one HTML page that needs nothing else: turns,
commands, diffs, tokens and timings. The format is that of the name that --output
gives, .md or .html, unless --format says.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			write, err := exporter(format, output, asJSON)
			if err != nil {
				return errUsage{err}
			}
			t, err := transcriptOf(args[0])
			if err != nil {
				return err
			}
			return export(out, output, t, write)
		},
	}
	c.Flags().StringVarP(&format, "format", "f", "", "`md`, html or json")
	c.Flags().StringVarP(&output, "output", "o", "", "write this `file` instead of to the terminal; it must not be there yet")
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	return c
}

// exporter chooses how a transcript is written.
func exporter(format, output string, asJSON bool) (func(w io.Writer, t *transcript), error) {
	switch {
	case asJSON:
		format = "json"
	case format == "" && strings.HasSuffix(output, ".html"):
		format = "html"
	case format == "" && strings.HasSuffix(output, ".json"):
		format = "json"
	}
	switch format {
	case "", "md", "markdown":
		return exportMarkdown, nil
	case "html":
		return exportHTML, nil
	case "json":
		return func(w io.Writer, t *transcript) { _ = writeJSON(w, t) }, nil // w keeps its error
	}
	return nil, fmt.Errorf("there is no format %q: md, html and json are", format)
}

func export(out io.Writer, output string, t *transcript, write func(w io.Writer, t *transcript)) error {
	if output == "" {
		w := bufio.NewWriter(out)
		write(w, t)
		return w.Flush()
	}
	f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it holds the user's words
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	w := bufio.NewWriter(f)
	write(w, t)
	return errors.Join(w.Flush(), f.Close())
}

func exportMarkdown(w io.Writer, t *transcript) {
	fmt.Fprintf(w, "# %s\n\n%s\n", t.Title, factLine(t))
	for n, turn := range t.Turns {
		fmt.Fprintf(w, "\n## Turn %d\n\n*%s*\n", n+1, turnLine(&turn))
		for _, e := range turn.Entries {
			markdownEntry(w, e)
		}
		if turn.Error != "" {
			fmt.Fprintf(w, "\n> **Error:** %s\n", strings.ReplaceAll(turn.Error, "\n", "\n> "))
		}
	}
	for _, warning := range t.Warnings {
		fmt.Fprintf(w, "\n> **Damaged:** %s\n", warning)
	}
}

func markdownEntry(w io.Writer, e entry) {
	facts := took(e.Took)
	if facts != "" {
		facts = " · " + facts
	}
	switch e.Kind {
	case "user":
		fmt.Fprintf(w, "\n**You**\n\n%s\n", quoted(e.Text))
	case "agent":
		fmt.Fprintf(w, "\n**Agent**\n\n%s\n", e.Text)
	case "reasoning":
		fmt.Fprintf(w, "\n<details><summary>Thought</summary>\n\n%s\n\n</details>\n", e.Text)
	case "command":
		fmt.Fprintf(w, "\n**Command** %s\n\n%s", joined(e.Text, took(e.Took)), fenced("sh", e.Title))
		if e.Output != "" {
			fmt.Fprintf(w, "\n%s", fenced("", e.Output))
		}
	case "patch":
		fmt.Fprintf(w, "\n**Edited** %s %s\n\n%s", e.Title, e.Text, fenced("diff", e.Output))
	default:
		fmt.Fprintf(w, "\n**%s**%s\n", e.Title, facts)
		if e.Text != "" {
			fmt.Fprintf(w, "\n%s\n", e.Text)
		}
		if e.Output != "" {
			fmt.Fprintf(w, "\n%s", fenced("", e.Output))
		}
	}
}

func quoted(text string) string { return "> " + strings.ReplaceAll(text, "\n", "\n> ") }

// fenced is a block of code whose fence does not occur in it.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}
