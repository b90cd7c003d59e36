package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func newPluginRemove(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Forget a plugin, and delete it if it was installed",
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
			if err := t.set(c.Context(), p.Name, nil); err != nil {
				return err
			}
			if !t.installed(p) {
				fmt.Fprintf(out, "removed %s; %s is left where it is\n", p.Name, p.Path)
				return nil
			}
			if err := os.RemoveAll(t.folder(p.Name)); err != nil {
				return fmt.Errorf("deleting the plugin: %w", err)
			}
			fmt.Fprintf(out, "removed %s\n", p.Name)
			return nil
		},
	}
}
