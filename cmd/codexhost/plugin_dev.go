package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/codexhost/codexhost/plugins"
	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/mcp"
	"github.com/codexhost/codexhost/plugins/skill"
	"github.com/codexhost/codexhost/skillswatch"
)

// developing is what "plugin dev" was told.
type developing struct {
	kind string
	call string // a tool and, behind a space, its arguments; or a skill's path
	env  []string
	once bool

	settings string // JSON
}

// devPatience bounds each question to the plugin.
const devPatience = 30 * time.Second

func newPluginDev(out io.Writer) *cobra.Command {
	var o developing
	c := &cobra.Command{
		Use:   "dev PROGRAM [ARGUMENT...]",
		Short: "Run a plugin with the wire shown, again after each build",
		Long: `dev runs a program as a plugin and shows, a JSON object a line, every message
between the host and it ("send" and "receive", with the milliseconds it took), what
it writes ("says"), and what becomes of it ("state"). It asks for the plugin's
listing at once, and makes the call that --call asks for:

  --call 'TOOL {"some":"argument"}'   calls a tool of an MCP plugin's server
  --call PATH                         reads a skill of a skill plugin

When the program changes, as by a build, the new one takes over and is asked again;
one that does not start leaves the old one running. Of a script the files beside it
count, too. Ctrl-C ends everything. PROGRAM is what "plugin check" takes.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), out, args[0], args[1:]) },
	}
	c.Flags().SetInterspersed(false)
	c.Flags().StringVar(&o.kind, "kind", "", "the `kind` that it is of, skill or mcp; found out if not given")
	c.Flags().StringVar(&o.call, "call", "", "a `tool` to call, with its arguments as JSON; or a skill to read")
	c.Flags().StringArrayVar(&o.env, "env", nil, "a `variable` that it may see")
	c.Flags().StringVar(&o.settings, "settings", "", "a `JSON` object that it is told as its settings; those of its entry if not given")
	c.Flags().BoolVar(&o.once, "once", false, "end after the first listing and call")
	return c
}

func (o *developing) run(ctx context.Context, out io.Writer, program string, args []string) error {
	spec, err := o.spec(ctx, program, args)
	if err != nil {
		return err
	}
	if _, arguments := o.tool(); spec.Kind == mcp.Kind && arguments != nil && !json.Valid(arguments) {
		return errUsage{fmt.Errorf("--call %s: what follows the tool is no JSON", o.call)}
	}
	watcher := skillswatch.New(skillswatch.Options{})
	defer watcher.Close()
	d := &devSession{developing: o, name: spec.Name, kind: spec.Kind, out: newDevOutput(out), ready: make(chan struct{}, 1)}
	d.host, err = plugins.New(plugins.Options{
		Kinds: []plugins.Kind{skill.Contract(nil), mcp.Contract(nil)}, Specs: []plugins.Spec{spec},
		Watcher: watcher, OnState: d.state, OnWire: d.out.wire,
		OnLine: func(_ string, pid int, line string) { d.out.line(devLine{PID: pid, Says: line}) },
	})
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWait)
		defer cancel()
		_ = d.host.Close(end) // its folder may stay; the next host sweeps it
	}()
	return d.loop(ctx)
}

// tool is what to call, and its arguments if there are any.
func (o *developing) tool() (string, json.RawMessage) {
	name, arguments, ok := strings.Cut(o.call, " ")
	if !ok {
		return name, nil
	}
	return name, json.RawMessage(arguments)
}

// spec finds out how to run the program.
func (o *developing) spec(ctx context.Context, program string, args []string) (plugins.Spec, error) {
	found, err := findProgram(ctx, program, args)
	if err != nil {
		return plugins.Spec{}, err
	}
	path, err := filepath.Abs(found.path)
	if err != nil {
		return plugins.Spec{}, fmt.Errorf("finding %s: %w", found.path, err)
	}
	dir, err := os.Getwd()
	if err != nil {
		return plugins.Spec{}, fmt.Errorf("finding the working folder: %w", err)
	}
	if o.settings != "" {
		if found.settings, err = pluginSettings(o.settings); err != nil {
			return plugins.Spec{}, err
		}
	}
	env := slices.Concat(found.env, o.env)
	kind := o.kind
	if kind == "" {
		kind = found.kind
	}
	if kind == "" {
		kind, err = check.Kind(ctx, check.Target{Path: path, Args: absoluteFiles(found.args), Env: variables(env)}, check.Limits{})
		if err != nil {
			return plugins.Spec{}, fmt.Errorf("finding out of what kind %s is: %w", found.path, err)
		}
	}
	name := strings.Map(func(r rune) rune {
		if plugins.CheckName(string(r)) != nil {
			return '-'
		}
		return r
	}, strings.TrimSuffix(filepath.Base(path), ".exe"))
	return plugins.Spec{Name: name, Kind: kind, Path: path, Args: found.args, Dir: dir, Env: env, Settings: found.settings, Sources: sources(path, found.args)}, nil
}

// absoluteFiles are the arguments with the files among them found from anywhere.
func absoluteFiles(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if abs, err := filepath.Abs(a); err == nil && isFile(a) {
			out[i] = abs
		}
	}
	return out
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// sources are the files that make up an interpreted program: the scripts on the
// command line, and what lies beside one and may be a part of it.
func sources(path string, args []string) []string {
	var out []string
	for _, a := range append([]string{path}, args...) {
		abs, err := filepath.Abs(a)
		if err != nil || !isScript(abs) {
			continue
		}
		out = append(out, abs)
		for _, ext := range []string{".py", ".js", ".mjs", ".ts", ".rb", ".sh"} {
			beside, err := filepath.Glob(filepath.Join(filepath.Dir(abs), "*"+ext))
			if err == nil && len(beside) <= maxSources {
				out = append(out, beside...)
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(p string) bool { return p == path || !isFile(p) })
}

// maxSources keeps a script in a folder like /tmp from having all of it watched.
const maxSources = 100

// isScript tells whether a file is one that an interpreter runs: by what it says,
// or by its name.
func isScript(path string) bool {
	if !isFile(path) {
		return false
	}
	switch filepath.Ext(path) {
	case ".py", ".js", ".mjs", ".ts", ".rb", ".sh":
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [2]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == "#!"
}

// devSession is one run of "plugin dev".
type devSession struct {
	*developing
	name, kind string
	host       *plugins.Host
	out        *devOutput
	ready      chan struct{} // has a token when there may be a process that was not asked yet
	generation atomic.Uint64 // of the process that was asked last
}

// state shows what became of the plugin. The host calls it for one change at a time.
func (d *devSession) state(s plugins.Status) {
	l := devLine{State: string(s.Phase), PID: s.PID}
	if s.LastError != nil && s.Phase != plugins.PhaseClosed {
		l.Error = s.LastError.Error()
	}
	d.out.line(l)
	if s.Phase == plugins.PhaseReady && s.Generation != d.generation.Load() {
		d.wake()
	}
}

func (d *devSession) wake() {
	select {
	case d.ready <- struct{}{}:
	default:
	}
}

// loop asks each new process until ctx ends.
func (d *devSession) loop(ctx context.Context) error {
	d.wake()
	for {
		select {
		case <-d.ready:
		case <-ctx.Done():
			return nil
		}
		if g := d.generation.Load(); g != 0 && g == d.host.Status()[0].Generation {
			continue
		}
		err := d.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case d.once:
			return err
		case err != nil:
			d.out.line(devLine{Error: err.Error(), Note: "waiting for the program to change"})
		}
	}
}

// ask makes the listing, and the call that is wanted.
func (d *devSession) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, devPatience)
	defer cancel()
	if d.kind == mcp.Kind {
		return plugins.Use(ctx, d.host, d.name, asking(d, d.askServers))
	}
	return plugins.Use(ctx, d.host, d.name, asking(d, d.askSkills))
}

// asking takes note of the process that is asked.
func asking[C any](d *devSession, f func(context.Context, C) error) func(context.Context, C) error {
	return func(ctx context.Context, c C) error {
		d.generation.Store(d.host.Status()[0].Generation)
		return f(ctx, c)
	}
}

func (d *devSession) askSkills(ctx context.Context, p skill.Provider) error {
	cwd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working folder: %w", err)
	}
	roots := []skill.Root{{Path: cwd, Scope: skill.ScopeRepo}}
	l, err := p.List(ctx, skill.ListRequest{Roots: roots, Cwd: cwd})
	if err != nil {
		return err
	}
	names := make([]string, len(l.Skills))
	for i, s := range l.Skills {
		names[i] = s.Name
	}
	d.out.line(devLine{Result: map[string]any{"skills": names, "errors": len(l.Errors), "watch": l.Watch, "generation": l.Generation}})
	if d.call == "" {
		return nil
	}
	c, err := p.Read(ctx, skill.ReadRequest{Path: d.call, Roots: roots})
	if err != nil {
		return err
	}
	d.out.line(devLine{Result: map[string]any{"text": string(c.Text)}})
	return nil
}

func (d *devSession) askServers(ctx context.Context, p mcp.Provider) error {
	catalog, ok := p.(mcp.Catalog)
	if !ok {
		return errors.New("it brings no server")
	}
	servers, err := catalog.Servers(ctx)
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		d.out.line(devLine{Note: "it brings no server of its own"})
	}
	var errs []error
	for _, s := range servers {
		errs = append(errs, d.askServer(ctx, p, s))
	}
	return errors.Join(errs...)
}

func (d *devSession) askServer(ctx context.Context, p mcp.Provider, s mcp.Server) error {
	session, err := p.Start(ctx, s, devHost{d.out})
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(ctx) }() // it ends with the plugin at the latest
	var names []string
	for _, t := range session.Info().Tools {
		var tool struct{ Name string }
		if err := json.Unmarshal(t, &tool); err != nil {
			return fmt.Errorf("the server %s lists what is no tool: %w", s.Name, err)
		}
		names = append(names, tool.Name)
	}
	d.out.line(devLine{Result: map[string]any{"server": s.Name, "tools": names}})
	tool, arguments := d.tool()
	if !slices.Contains(names, tool) {
		return nil
	}
	result, err := session.CallTool(ctx, mcp.ToolCall{Name: tool, Arguments: arguments})
	if err != nil {
		return err
	}
	d.out.line(devLine{Result: result})
	return nil
}

// devHost is what a server may ask of a host without a user.
type devHost struct{ out *devOutput }

func (devHost) Elicit(context.Context, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{"action":"decline"}`), nil
}
func (devHost) Progress(json.RawMessage) {} // the wire shows it
func (devHost) ToolsChanged()            {}
func (devHost) Log(string, string)       {}
