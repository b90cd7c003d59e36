package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/plugins"
)

// listedPlugin is one plugin as "plugin list --json" shows it.
type listedPlugin struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	State string   `json:"state"` // built in, enabled, disabled, changed, missing
	Path  string   `json:"path,omitempty"`
	Args  []string `json:"args,omitempty"`
	// Pinned says whether only one content of the program may run.
	Pinned bool `json:"pinned"`
	// Env names the variables that it may see beyond the usual ones.
	Env []string `json:"env,omitempty"`
	// Hint is the command that sets things right.
	Hint string `json:"hint,omitempty"`
}

func newPluginList(out io.Writer) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the plugins that there are, and whether they may run",
		Long: `list shows the built-in plugins and those of [codexhost.plugins]. The state of one is

  enabled    it runs when it is needed
  disabled   it does not run; codexhost plugin enable NAME
  changed    its program is not the one that was pinned, and does not run
  missing    its program is not there`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := openPluginTable(c.Context())
			if err != nil {
				return err
			}
			all := t.list()
			if asJSON {
				return printJSON(out, all)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tKIND\tSTATE\tPINNED\tSEES\tPROGRAM")
			for _, p := range all {
				pinned := "no"
				if p.Pinned {
					pinned = "yes"
				}
				program := strings.TrimSpace(p.Path + " " + strings.Join(p.Args, " "))
				if p.State == "built in" {
					pinned, program = "-", "-"
				}
				sees := strings.Join(p.Env, ",")
				if sees == "" {
					sees = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Kind, p.State, pinned, sees, program)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, p := range all {
				if p.Hint != "" {
					fmt.Fprintf(out, "%s is %s: %s\n", p.Name, p.State, p.Hint)
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write a JSON array instead of a table")
	return c
}

func (t *pluginTable) list() []listedPlugin {
	var out []listedPlugin
	for _, name := range []string{manager.SkillsPlugin, manager.MCPPlugin} {
		kind, _ := builtinRole(name)
		out = append(out, listedPlugin{Name: name, Kind: kind, State: "built in"})
	}
	var names []string
	for name := range t.all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, describePlugin(t.all[name]))
	}
	return out
}

// describePlugin looks at the program of an entry, which is read if it is pinned.
func describePlugin(p config.Plugin) listedPlugin {
	l := listedPlugin{Name: p.Name, Kind: p.Kind, State: "enabled", Path: p.Path, Args: p.Args, Pinned: p.Checksum != "", Env: p.Env}
	sum, err := plugins.Checksum(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.State, l.Hint = "missing", "there is no "+p.Path
	case err != nil:
		l.State, l.Hint = "missing", err.Error()
	case !p.Enabled:
		l.State = "disabled"
	case l.Pinned && !strings.EqualFold(sum, p.Checksum):
		l.State, l.Hint = "changed", plugins.AcceptHint(p.Name)
	}
	return l
}
