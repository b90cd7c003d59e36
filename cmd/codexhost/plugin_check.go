package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/mcp"
)

// exitBroken is the exit code of "plugin check" when the plugin breaks a rule.
const exitBroken = 3

func newPluginCheck(out io.Writer) *cobra.Command {
	var (
		asJSON, rules bool
		kind, server  string
		settings      string
		env, only     []string
	)
	c := &cobra.Command{
		Use:   "check PROGRAM [ARGUMENT...]",
		Short: "Try whether a program is a good plugin",
		Long: `check starts a program as the host would, once for each rule, and says which rules
it keeps. PROGRAM is a path, a folder with a built plugin in it, a program in PATH,
the name of an installed plugin, or of a built-in one (skills, mcp).

The exit status is 0 when no rule is broken, 3 when one is, 1 when the check could
not be made, and 2 when the command line cannot be understood.`,
		Args: usageArgs(func(c *cobra.Command, args []string) error {
			if rules {
				return cobra.NoArgs(c, args)
			}
			return cobra.MinimumNArgs(1)(c, args)
		}),
		RunE: func(c *cobra.Command, args []string) error {
			if rules {
				return printRules(out, asJSON)
			}
			found, err := findProgram(c.Context(), args[0], args[1:])
			if err != nil {
				return err
			}
			if settings != "" {
				if found.settings, err = pluginSettings(settings); err != nil {
					return err
				}
			}
			t := check.Target{Path: found.path, Args: absoluteFiles(found.args), Kind: found.kind,
				Env: variables(slices.Concat(found.env, env)), Settings: found.settings, Rules: only}
			if kind != "" {
				t.Kind = kind
			}
			if words := strings.Fields(server); len(words) > 0 {
				t.Server = &mcp.Config{Command: words[0], Args: words[1:], Env: map[string]string{"PATH": os.Getenv("PATH")}}
			}
			var tell func(check.Result)
			if !asJSON {
				tell = func(r check.Result) { fmt.Fprint(out, r.Line()) }
			}
			report, err := check.Run(c.Context(), t, check.Limits{}, tell)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(out, report); err != nil {
					return err
				}
			} else {
				report.Summary(out)
			}
			if !report.Passed {
				return exitWith{exitBroken, fmt.Errorf("%s is not a good plugin yet", found.path)}
			}
			return nil
		},
	}
	c.Flags().SetInterspersed(false) // what follows the program is its own
	c.Flags().BoolVar(&asJSON, "json", false, "write one JSON object instead of lines")
	c.Flags().BoolVar(&rules, "rules", false, "list the rules and check nothing")
	c.Flags().StringVar(&kind, "kind", "", "the `kind` that it must be of: skill or mcp")
	c.Flags().StringVar(&server, "server", "", "the `command` of an MCP server for a provider that brings none of its own")
	c.Flags().StringArrayVar(&env, "env", nil, "a `variable` that it may see")
	c.Flags().StringVar(&settings, "settings", "", "a `JSON` object that it is told as its settings; those of its entry if not given")
	c.Flags().StringArrayVar(&only, "rule", nil, "a `rule` to try, with those that it waits for; all if not given")
	return c
}

// pluginSettings reads the settings that a command line gives a plugin.
func pluginSettings(text string) (json.RawMessage, error) {
	if json.Unmarshal([]byte(text), new(map[string]any)) != nil {
		return nil, errUsage{fmt.Errorf("--settings %s: want a JSON object", text)}
	}
	return json.RawMessage(text), nil
}

func printRules(out io.Writer, asJSON bool) error {
	all := check.Rules()
	if !asJSON {
		for _, r := range all {
			fmt.Fprintf(out, "%-15s %s\n", r.Rule, r.Promise)
		}
		return nil
	}
	type rule struct {
		Rule    string `json:"rule"`
		Promise string `json:"promise"`
	}
	short := make([]rule, len(all))
	for i, r := range all {
		short[i] = rule{r.Rule, r.Promise}
	}
	return printJSON(out, short)
}

func printJSON(out io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s\n", b)
	return err
}
