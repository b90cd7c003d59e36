package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/plugins"
)

// newPluginEnable is "plugin enable" or "plugin disable".
func newPluginEnable(out io.Writer, enable bool) *cobra.Command {
	verb, short := "enable", "Let a plugin run when it is needed"
	if !enable {
		verb, short = "disable", "Keep a plugin from running"
	}
	return &cobra.Command{
		Use:   verb + " NAME",
		Short: short,
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := openPluginTable(c.Context())
			if err != nil {
				return err
			}
			p, err := t.named(args[0])
			if err != nil {
				return err
			}
			if err := t.set(c.Context(), p.Name, map[string]any{"enabled": enable}); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s is %sd\n", p.Name, verb)
			return nil
		},
	}
}

// newPluginAccept is "plugin accept", the way out when a pinned program changed.
func newPluginAccept(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "accept NAME",
		Short: "Pin a plugin's program as it is now, after it changed",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			t, err := openPluginTable(c.Context())
			if err != nil {
				return err
			}
			p, err := t.named(args[0])
			if err != nil {
				return err
			}
			sum, err := plugins.Checksum(p.Path)
			if err != nil {
				return err
			}
			if strings.EqualFold(sum, p.Checksum) {
				fmt.Fprintf(out, "%s has not changed\n", p.Name)
				return nil
			}
			if err := t.set(c.Context(), p.Name, map[string]any{"checksum": sum}); err != nil {
				return err
			}
			fmt.Fprintf(out, "%s is pinned to %s\n", p.Name, sum)
			return nil
		},
	}
}
