package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/check"
)

// installing is what "plugin install" was told.
type installing struct {
	name, kind string
	env        []string
	unchecked  bool
	manifest   *plugins.Manifest // what it says of itself; nil if it says nothing
}

func newPluginInstall(out io.Writer) *cobra.Command {
	var o installing
	c := &cobra.Command{
		Use:   "install FILE|FOLDER [ARGUMENT...]",
		Short: "Copy a plugin into the home folder, pin and enable it",
		Long: `install checks a program, copies it (or the folder that it lies in) to
$CODEX_HOME/` + pluginFolder + `/NAME, and writes [codexhost.plugins.NAME] with the SHA-256
of the program: a program that changes afterwards is not run. The program of a
folder is called plugin, or like the folder. A name without a path may be that of a
program in PATH. Installing again replaces the copy.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), out, args[0], args[1:]) },
	}
	c.Flags().SetInterspersed(false)
	c.Flags().StringVar(&o.name, "name", "", "what to call it; the file's `name` if not given")
	c.Flags().StringVar(&o.kind, "kind", "", "the `kind` that it must be of: skill or mcp")
	c.Flags().StringArrayVar(&o.env, "env", nil, "a `variable` of the host that it may see")
	c.Flags().BoolVar(&o.unchecked, "unchecked", false, "do not check it; needs --kind")
	return c
}

func (o *installing) run(ctx context.Context, out io.Writer, source string, args []string) error {
	args = withoutDashes(args)
	abs, program, err := pluginSource(source)
	if err != nil {
		return err
	}
	if o.name == "" {
		o.name = strings.TrimSuffix(filepath.Base(abs), ".exe")
	}
	if err := checkPluginName(o.name); err != nil {
		return err
	}
	t, err := openPluginTable(ctx)
	if err != nil {
		return err
	}
	old, known := t.all[o.name]
	if known && !t.installed(old) {
		return fmt.Errorf("the plugin %s is %s, which was not installed; `codexhost plugin remove %s` first, or give another --name", o.name, old.Path, o.name)
	}
	if err := o.check(ctx, out, program, args); err != nil {
		return err
	}
	path, err := copyPlugin(abs, program, t.folder(o.name))
	if err != nil {
		return err
	}
	sum, err := plugins.Checksum(path)
	if err != nil {
		return err
	}
	keys := map[string]any{"kind": o.kind, "path": path, "checksum": sum, "enabled": true}
	for key, list := range map[string][]string{"args": args, "env": o.env} {
		if len(list) > 0 {
			keys[key] = list
		} else if known {
			keys[key] = nil
		}
	}
	if err := t.set(ctx, o.name, keys); err != nil {
		return err
	}
	fmt.Fprintf(out, "installed %s, of kind %s: %s\n", o.name, o.kind, path)
	o.wishes(out)
	return nil
}

// wishes says what the plugin asks for and has not got.
func (o *installing) wishes(out io.Writer) {
	if o.manifest == nil {
		return
	}
	kind := map[bool]string{true: "needs", false: "would like"}
	for _, v := range o.manifest.Env {
		if !slices.Contains(o.env, v.Name) {
			fmt.Fprintf(out, "it %s the variable %s%s: install it with --env %s to let it see that\n", kind[v.Required], v.Name, because(v.Why), v.Name)
		}
	}
	for _, s := range o.manifest.Settings {
		fmt.Fprintf(out, "it %s the setting %s%s, in [codexhost.plugins.%s.settings] of config.toml\n", kind[s.Required], s.Name, because(s.Description), o.name)
	}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// pluginSource finds what to copy, a program or a folder, and the program in it.
func pluginSource(source string) (abs, program string, err error) {
	if _, err := os.Stat(source); err != nil && filepath.Base(source) == source {
		if found, err := exec.LookPath(source); err == nil {
			source = found // as "go install" leaves it
		}
	}
	if abs, err = filepath.Abs(source); err != nil {
		return "", "", fmt.Errorf("finding %s: %w", source, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", "", fmt.Errorf("looking for the plugin: %w", err)
	}
	if !info.IsDir() {
		return abs, abs, nil
	}
	program, err = programIn(abs)
	return abs, program, err
}

// check refuses a plugin that breaks a rule, and finds out its kind.
func (o *installing) check(ctx context.Context, out io.Writer, program string, args []string) error {
	if o.unchecked {
		if o.kind == "" {
			return errUsage{errors.New("--unchecked needs --kind, which the check finds out otherwise")}
		}
		return nil
	}
	report, err := check.Run(ctx, check.Target{Path: program, Args: args, Kind: o.kind, Env: variables(o.env)}, check.Limits{}, func(r check.Result) {
		if r.Verdict == check.Failed {
			fmt.Fprint(out, r.Line())
		}
	})
	if err != nil {
		return err
	}
	if !report.Passed {
		report.Summary(out)
		return fmt.Errorf("%s is not installed: it fails the check; --unchecked --kind KIND installs it nevertheless", program)
	}
	o.kind, o.manifest = report.Kind, report.Manifest
	return nil
}

// copyPlugin copies source, a program or the folder around it, to dir, which is
// replaced as a whole, and returns where the program is now.
func copyPlugin(source, program, dir string) (string, error) {
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("making the plugins' folder: %w", err)
	}
	if err := os.Chmod(parent, 0o700); err != nil {
		return "", fmt.Errorf("closing the plugins' folder to others: %w", err)
	}
	fresh, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return "", fmt.Errorf("making the plugin's folder: %w", err)
	}
	defer os.RemoveAll(fresh)
	if source == program {
		err = copyFile(program, filepath.Join(fresh, filepath.Base(program)), 0o700)
	} else {
		err = copyFolder(source, fresh)
	}
	if err != nil {
		return "", err
	}
	old := fresh + "-old"
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("putting the old plugin aside: %w", err)
	}
	defer os.RemoveAll(old)
	if err := os.Rename(fresh, dir); err != nil {
		return "", errors.Join(fmt.Errorf("installing the plugin: %w", err), ignoreMissing(os.Rename(old, dir)))
	}
	rel := filepath.Base(program)
	if source != program {
		if rel, err = filepath.Rel(source, program); err != nil {
			return "", fmt.Errorf("finding the program: %w", err)
		}
	}
	return filepath.Join(dir, rel), nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyFolder copies files and folders. Hidden ones, as of version control, and
// links that lead out stay behind.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the plugin's folder: %w", err)
		}
		rel, err := filepath.Rel(from, path)
		if err != nil || rel == "." {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		switch {
		case d.IsDir():
			if err := os.Mkdir(filepath.Join(to, rel), 0o700); err != nil {
				return fmt.Errorf("copying the plugin: %w", err)
			}
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				return fmt.Errorf("copying the plugin: %w", err)
			}
			return copyFile(path, filepath.Join(to, rel), 0o600|info.Mode()&0o100)
		}
		return nil
	})
}

func copyFile(from, to string, mode fs.FileMode) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying the plugin: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("copying the plugin: %w", err)
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copying the plugin: %w", err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("copying the plugin: %w", err)
	}
	return nil
}
