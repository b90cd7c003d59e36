package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/plugins"
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
			if err := t.forget(p.Name); err != nil {
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

// forget deletes what hosts keep of a plugin: its log, and what it said.
func (t *pluginTable) forget(name string) error {
	if plugins.CheckName(name) != nil {
		return nil // no host runs it, and it could name another folder
	}
	log := plugins.LogFile(manager.PluginLogs(t.home), name)
	paths := []string{log, log + ".1", log + ".lock", filepath.Join(manager.PluginAnswers(t.home), name)}
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("deleting what was kept of the plugin: %w", err)
		}
	}
	return nil
}
