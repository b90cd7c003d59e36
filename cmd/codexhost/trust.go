package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager/config"
)

// newTrustCommand is "codexhost trust", which prints to out.
func newTrustCommand(f *flags, out io.Writer) *cobra.Command {
	var accept bool
	c := &cobra.Command{
		Use:   "trust [FOLDER]",
		Short: "Show what a project's files have run, and accept it",
		Long: `A project that you trust (trust_level in config.toml, which clients write when they
ask you) may name MCP servers in its .codex/config.toml. Those that it named when it
was trusted run. One that is new or different since, after a pull for example, does
not, until you accept it with --accept. Nothing is ever run for a project that is not
trusted, and this command trusts none.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := codexHome()
			if err != nil {
				return err
			}
			dir, err := os.Getwd()
			if len(args) > 0 {
				dir, err = filepath.Abs(args[0])
			}
			if err != nil {
				return err
			}
			loader := config.New(config.Options{Home: home, Flags: f.config, Enable: f.enable, Disable: f.disable})
			cfg, err := loader.Load(cmd.Context(), config.Query{Cwd: dir})
			if err != nil {
				return err
			}
			if accept && cfg.Trust == config.Trusted {
				if cfg, err = loader.AcceptProject(cmd.Context(), dir); err != nil {
					return err
				}
			}
			printTrust(out, cfg)
			if accept && cfg.Trust != config.Trusted {
				return errors.New("only what a trusted project has run can be accepted; trust it first")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&accept, "accept", false, "let everything that is listed run")
	return c
}

func printTrust(out io.Writer, cfg *config.Config) {
	fmt.Fprintf(out, "%s: %s\n", cfg.ProjectRoot, cfg.Trust)
	for _, s := range cfg.ProjectServers() {
		state := "runs"
		if !s.Accepted {
			state = "new or different, does not run"
		}
		what := s.URL
		if what == "" {
			what = strings.Join(append([]string{s.Command}, s.Args...), " ")
		}
		fmt.Fprintf(out, "  MCP server %s: %q, %s\n", s.Name, what, state)
	}
}
