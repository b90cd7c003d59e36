package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/plugins/examples/python"
)

// scaffold holds a folder for each language and kind.
//
//go:embed scaffold
var scaffold embed.FS

// The templates are delimited by << and >>, since {{ is Go.
//
// scaffoldSuffix keeps the tools of Go away from the templates.
const scaffoldSuffix = ".tmpl"

// project is what the templates are filled with.
type project struct {
	Name   string
	Kind   string
	Module string
	Source string // a checkout of this module, as go.mod spells it; empty: the published one
}

func newPluginNew(out io.Writer) *cobra.Command {
	var (
		p    project
		lang string
	)
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a plugin to start from",
		Long: `new writes a project to the folder NAME: a plugin that works, a test that checks it,
and a page that says how to build and install it. For Go it runs go mod tidy.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			p.Name = filepath.Base(dir)
			if err := checkPluginName(p.Name); err != nil {
				return err
			}
			from := "scaffold/" + lang + "-" + p.Kind
			if _, err := fs.Stat(scaffold, from); err != nil {
				return errUsage{fmt.Errorf("there is nothing to start a %s plugin in %s from; there is: %s", p.Kind, lang, strings.Join(scaffolds(), ", "))}
			}
			if p.Module == "" {
				p.Module = p.Name
			}
			if p.Source != "" {
				abs, err := filepath.Abs(p.Source)
				if err != nil {
					return fmt.Errorf("finding %s: %w", p.Source, err)
				}
				p.Source = strconv.Quote(abs)
			}
			if err := p.write(from, dir); err != nil {
				return err
			}
			fmt.Fprintf(out, "wrote a plugin of kind %s, in %s, to %s\n", p.Kind, lang, dir)
			if lang == "go" {
				if err := tidy(c.Context(), dir); err != nil {
					if p.Source == "" {
						err = fmt.Errorf("%w\nwith --source DIR it is built against a checkout of codexhost instead of a release", err)
					}
					return err
				}
			}
			fmt.Fprintf(out, "%s says how to go on\n", filepath.Join(dir, "README.md"))
			return nil
		},
	}
	c.Flags().StringVar(&p.Kind, "kind", "skill", "the `kind` of plugin: skill or mcp")
	c.Flags().StringVar(&lang, "lang", "go", "the `language`: go or python")
	c.Flags().StringVar(&p.Module, "module", "", "the Go module's `path`; NAME if not given")
	c.Flags().StringVar(&p.Source, "source", "", "a `checkout` of codexhost to build against, rather than a release")
	return c
}

// scaffolds lists what there is.
func scaffolds() []string {
	entries, err := scaffold.ReadDir("scaffold")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		lang, kind, _ := strings.Cut(e.Name(), "-")
		names = append(names, "--kind "+kind+" --lang "+lang)
	}
	slices.Sort(names)
	return names
}

// write fills the templates of from into dir, which must not be there yet.
func (p project) write(from, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("making the project's folder: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already", dir)
	} else if err != nil {
		return fmt.Errorf("making the project's folder: %w", err)
	}
	if strings.HasPrefix(from, "scaffold/python-") {
		files, err := python.Files(p.Kind, p.Name)
		if err != nil {
			return err
		}
		for name, text := range files {
			if err := writeProjectFile(dir, name, text); err != nil {
				return err
			}
		}
	}
	entries, err := scaffold.ReadDir(from)
	if err != nil {
		return fmt.Errorf("reading the templates: %w", err)
	}
	for _, e := range entries {
		text, err := scaffold.ReadFile(from + "/" + e.Name())
		if err != nil {
			return fmt.Errorf("reading a template: %w", err)
		}
		name, filled := strings.CutSuffix(e.Name(), scaffoldSuffix)
		if filled {
			t, err := template.New(name).Delims("<<", ">>").Parse(string(text))
			if err != nil {
				return fmt.Errorf("reading the template of %s: %w", name, err)
			}
			var b bytes.Buffer
			if err := t.Execute(&b, p); err != nil {
				return fmt.Errorf("filling in %s: %w", name, err)
			}
			text = b.Bytes()
		}
		if err := writeProjectFile(dir, name, text); err != nil {
			return err
		}
	}
	return nil
}

func writeProjectFile(dir, name string, text []byte) error {
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(text, []byte("#!")) && filepath.Ext(name) == "" {
		mode = 0o755
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, mode); err != nil {
		return fmt.Errorf("writing the project: %w", err)
	}
	return nil
}

// tidy lets the Go command find out what the module requires.
func tidy(ctx context.Context, dir string) error {
	tool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("the project is written, but the Go command is not there to run `go mod tidy`: %w", err)
	}
	cmd := exec.CommandContext(ctx, tool, "mod", "tidy")
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the project is written, but `go mod tidy` fails in it (%w):\n%s", err, bytes.TrimSpace(said))
	}
	return nil
}
