package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/rollout"
)

// Exit codes of `codexhost threads`, beside the usual ones.
const (
	exitDamaged  = 3 // check found records that cannot be read as they were meant
	exitNoThread = 4 // there is no such thread
)

// exitWith is an error that has an exit code of its own.
type exitWith struct {
	code int
	error
}

func (e exitWith) Unwrap() error { return e.error }

const threadsHelp = `Threads are kept as files under CODEX_HOME, or ~/.codex. These commands read them;
none of them changes a thread, and none needs it to be closed elsewhere. A thread is
named by its id, by the first characters of it, or by the path of its file.

Exit codes: 0 fine; 1 something failed; 2 the command line cannot be understood;
3 "check" found damage; 4 there is no such thread.`

// newThreadsCommand is what the command line can do with stored threads.
func newThreadsCommand(out io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:   "threads",
		Short: "List, show, check and export stored threads",
		Long:  threadsHelp,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newThreadsList(out), newThreadsShow(out), newThreadsCheck(out), newThreadsExport(out))
	return c
}

// stored is the threads of this home.
func stored() (*rollout.Store, error) {
	home, err := codexHome()
	if err != nil {
		return nil, err
	}
	return rollout.NewStore(home, rollout.Options{}), nil
}

// findThread finds the file of a thread by id, by the beginning of one, or by path.
func findThread(s *rollout.Store, ref string) (rollout.Summary, error) {
	sum, err := s.Summary(ref)
	if err == nil || !errors.Is(err, rollout.ErrNotFound) {
		return sum, err
	}
	var found []rollout.Summary
	for _, archived := range []bool{false, true} {
		if err := eachThread(s, rollout.ListOptions{Archived: archived, Sources: allSources()}, func(t rollout.Summary) bool {
			if strings.HasPrefix(t.ID, strings.ToLower(ref)) {
				found = append(found, t)
			}
			return len(found) < 2
		}); err != nil {
			return sum, err
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return sum, exitWith{exitNoThread, fmt.Errorf("no thread %s; see `codexhost threads list` and `codexhost threads list --archived`", ref)}
	}
	return sum, exitWith{exitNoThread, fmt.Errorf("%s is the beginning of several ids, %s and %s among them; write more of it", ref, found[0].ID, found[1].ID)}
}

// allSources are the kinds of all threads, not only of those that people began.
func allSources() []string {
	return []string{"cli", "vscode", "exec", "appServer", "subAgent", "unknown"}
}

// eachThread calls f with the threads of all pages, until it says false.
func eachThread(s *rollout.Store, o rollout.ListOptions, f func(rollout.Summary) bool) error {
	o.Limit = 100
	for {
		page, err := s.List(o)
		if err != nil {
			return err
		}
		for _, t := range page.Threads {
			if !f(t) {
				return nil
			}
		}
		if o.Cursor = page.Next; o.Cursor == "" {
			return nil
		}
	}
}

// listed is a thread in the answer of `list --json`.
type listed struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	Preview   string    `json:"preview"`
	Model     string    `json:"model,omitempty"`
	Provider  string    `json:"modelProvider,omitempty"`
	Cwd       string    `json:"cwd"`
	Source    string    `json:"source"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	ForkOf    string    `json:"forkedFromId,omitempty"`
	Archived  bool      `json:"archived"`
	Path      string    `json:"path"`
}

func newThreadsList(out io.Writer) *cobra.Command {
	var o rollout.ListOptions
	var all, asJSON, updated bool
	var cwd string
	c := &cobra.Command{
		Use:   "list",
		Short: "List threads, newest first",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := stored()
			if err != nil {
				return err
			}
			if all {
				o.Sources = allSources()
			}
			if cwd != "" {
				o.Cwds = []string{cwd}
			}
			if updated {
				o.SortKey = rollout.SortUpdated
			}
			limit := o.Limit
			var list []listed
			if err := eachThread(s, o, func(t rollout.Summary) bool {
				list = append(list, listedOf(t))
				return limit <= 0 || len(list) < limit
			}); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(out, list)
			}
			return writeList(out, list)
		},
	}
	f := c.Flags()
	f.IntVarP(&o.Limit, "limit", "n", 25, "at most so many; 0 means all")
	f.BoolVar(&o.Archived, "archived", false, "the archived ones instead")
	f.BoolVar(&all, "all", false, "also those of agents and scripts")
	f.StringVar(&o.Search, "search", "", "only with this `text` in the name or the first message")
	f.StringVar(&cwd, "cwd", "", "only of this `folder`")
	f.BoolVar(&updated, "updated", false, "by the time of the last change")
	f.BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func listedOf(t rollout.Summary) listed {
	kind, custom := rollout.SourceKind(t.Meta.Source)
	if kind == "" {
		kind = custom
	}
	return listed{ID: t.ID, Name: t.Name, Preview: t.Preview, Model: t.Model, Provider: t.Meta.ModelProvider, Cwd: t.Meta.Cwd, Source: kind,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, ForkOf: t.Meta.ForkedFromID, Archived: t.Archived, Path: t.Path}
}

func writeList(out io.Writer, list []listed) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "No threads.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, t := range list {
		title := t.Name
		if title == "" {
			title = t.Preview
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", t.ID, t.UpdatedAt.Local().Format("2006-01-02 15:04"), clip(title))
	}
	return w.Flush()
}

// writeJSON writes a value for programs; a list is never null.
func writeJSON[T any](out io.Writer, v T) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if list, ok := any(v).([]listed); ok && list == nil {
		return e.Encode([]listed{})
	}
	return e.Encode(v)
}
