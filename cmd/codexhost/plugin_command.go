package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/manager"
	"github.com/codexhost/codexhost/manager/config"
	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
)

// pluginFolder is where installed plugins lie, in the home folder. It is not
// called plugins: the reference keeps plugins of another sort there.
const pluginFolder = "codexhost-plugins"

// newPluginCommand is "codexhost plugin", which prints to out. Each verb has a
// file of its own.
func newPluginCommand(out io.Writer) *cobra.Command {
	c := &cobra.Command{
		Use:   "plugin",
		Short: "Write, check and install plugins",
		Long: `A plugin is a program that adds skills (kind skill) or MCP servers (kind mcp). The
ones that are used stand in [codexhost.plugins] of config.toml; these commands
edit that table and leave the rest of the file, comments included, as it is.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return errUsage{errors.New("plugin: say what to do: " + verbs(c))}
		},
	}
	c.AddCommand(newPluginNew(out), newPluginCheck(out), newPluginInstall(out), newPluginList(out), newPluginLogs(out), newPluginDev(out),
		newPluginEnable(out, true), newPluginEnable(out, false), newPluginAccept(out), newPluginRemove(out))
	return c
}

func verbs(c *cobra.Command) string {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return strings.Join(names, ", ")
}

// usageArgs makes what cobra says about arguments an error of the command line.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return errUsage{fmt.Errorf("%s: %w", c.Name(), err)}
		}
		return nil
	}
}

// pluginTable is [codexhost.plugins] of the user's file.
type pluginTable struct {
	home   string
	loader *config.Loader
	all    map[string]config.Plugin
}

func openPluginTable(ctx context.Context) (*pluginTable, error) {
	home, err := codexHome()
	if err != nil {
		return nil, err
	}
	t := &pluginTable{home: home, loader: config.New(config.Options{Home: home})}
	cfg, err := t.loader.Load(ctx, config.Query{})
	if err != nil {
		return nil, err
	}
	t.all = cfg.Host.Plugins
	return t, nil
}

// named returns an entry, or an error that names those that there are.
func (t *pluginTable) named(name string) (config.Plugin, error) {
	if p, ok := t.all[name]; ok {
		return p, nil
	}
	if _, ok := builtinRole(name); ok {
		return config.Plugin{}, fmt.Errorf("%s is built in: it is not in the table", name)
	}
	return config.Plugin{}, fmt.Errorf("%s has no plugin %q; `codexhost plugin list` shows those that it has", t.loader.UserFile(), name)
}

// set writes keys of an entry; a nil value removes the key, no keys the entry.
func (t *pluginTable) set(ctx context.Context, name string, keys map[string]any) error {
	path := []string{"codexhost", "plugins", name}
	var edits []config.Edit
	if len(keys) == 0 {
		edits = append(edits, config.Edit{KeyPath: config.JoinKeyPath(path)})
	}
	if _, ok := t.all[name]; !ok && len(keys) > 0 { // a whole table reads better than inline ones
		value, err := json.Marshal(keys)
		if err != nil {
			return fmt.Errorf("writing the entry of %s: %w", name, err)
		}
		edits, keys = append(edits, config.Edit{KeyPath: config.JoinKeyPath(path), Value: value}), nil
	}
	for _, key := range slices.Sorted(mapKeys(keys)) {
		edit := config.Edit{KeyPath: config.JoinKeyPath(append(path[:3:3], key))}
		if v := keys[key]; v != nil {
			value, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("writing %s of %s: %w", key, name, err)
			}
			edit.Value = value
		}
		edits = append(edits, edit)
	}
	if _, err := t.loader.Write(ctx, edits, "", ""); err != nil {
		return fmt.Errorf("writing %s: %w", t.loader.UserFile(), err)
	}
	return nil
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// folder is where a plugin of that name is installed.
func (t *pluginTable) folder(name string) string { return filepath.Join(t.home, pluginFolder, name) }

// installed tells whether an entry runs what "plugin install" has put there.
func (t *pluginTable) installed(p config.Plugin) bool {
	rel, err := filepath.Rel(t.folder(p.Name), p.Path)
	return err == nil && filepath.IsLocal(rel) && plugins.CheckName(p.Name) == nil
}

// builtinRole tells the role of a built-in plugin.
func builtinRole(name string) (kind string, ok bool) {
	switch name {
	case manager.SkillsPlugin:
		return skill.Kind, true
	case manager.MCPPlugin:
		return mcp.Kind, true
	}
	return "", false
}

// checkPluginName refuses names that the host would refuse, or has itself.
func checkPluginName(name string) error {
	if _, taken := builtinRole(name); taken {
		return errUsage{fmt.Errorf("a plugin cannot be called %s: that is a built-in one", name)}
	}
	if err := plugins.CheckName(name); err != nil || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		return errUsage{fmt.Errorf("plugin name %q: want letters, digits, '-', '_', '.', and a letter or digit first", name)}
	}
	return nil
}

// pluginProgram is what an entry, a built-in plugin, a path or a program in PATH runs.
type pluginProgram struct {
	path string
	args []string
	kind string   // what it is said to be; may be empty
	env  []string // names of variables that it may see

	settings json.RawMessage // its own
}

// findProgram looks for what a command line calls a plugin.
func findProgram(ctx context.Context, what string, args []string) (pluginProgram, error) {
	args = withoutDashes(args)
	if kind, ok := builtinRole(what); ok && len(args) == 0 {
		exe, err := os.Executable()
		if err != nil {
			return pluginProgram{}, fmt.Errorf("finding this program: %w", err)
		}
		return pluginProgram{path: exe, args: []string{plugins.RoleArg, what}, kind: kind}, nil
	}
	if info, err := os.Stat(what); err == nil && !info.IsDir() {
		return pluginProgram{path: what, args: args}, nil
	} else if err == nil {
		path, err := programIn(what)
		return pluginProgram{path: path, args: args}, err
	}
	if filepath.Base(what) == what {
		if t, err := openPluginTable(ctx); err == nil && len(args) == 0 {
			if p, ok := t.all[what]; ok {
				return pluginProgram{path: p.Path, args: p.Args, kind: p.Kind, env: p.Env, settings: p.Settings}, nil
			}
		}
	}
	path, err := exec.LookPath(what)
	if err != nil {
		return pluginProgram{}, fmt.Errorf("there is neither a file nor a program nor a plugin called %s", what)
	}
	return pluginProgram{path: path, args: args}, nil
}

// withoutDashes drops the -- that people put before a program's own arguments.
func withoutDashes(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}

// programIn finds the program of a folder: called plugin, or like the folder.
func programIn(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", dir, err)
	}
	names := []string{"plugin", filepath.Base(abs)}
	for _, name := range names {
		for _, ext := range []string{"", ".exe"} {
			path := filepath.Join(abs, name+ext)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && (info.Mode()&0o111 != 0 || ext != "") {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no program called %s: build it, or name the program", dir, strings.Join(names, " or "))
}

// variables picks what a plugin may see of the environment by name.
func variables(names []string) []string {
	var out []string
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+v)
		}
	}
	return out
}
